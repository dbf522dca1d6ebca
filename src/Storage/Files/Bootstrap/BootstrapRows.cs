namespace Picodata.Storage.Files;

/// <summary>A row that a new instance starts with.</summary>
public readonly record struct BootstrapRow(uint SpaceId, ReadOnlyMemory<byte> Tuple);

/// <summary>
/// The rows of a new directory: those of a fresh Tarantool 2.6 (schema version 2.3.1), in file order: ascending space id,
/// inside a space in primary key order. With fewer rows stock Tarantool boots as well, but cannot then make
/// checkpoints, users or SQL tables.
/// </summary>
public static class BootstrapRows
{
    private const ulong Admin = 1;

    /// <summary>All 513 rows.</summary>
    /// <param name="instance">UUID of the instance: row 1 of <c>_cluster</c>.</param>
    /// <param name="replicaset">UUID of the replicaset: <c>cluster</c> in <c>_schema</c>.</param>
    public static IReadOnlyList<BootstrapRow> Create(Guid instance, Guid replicaset)
    {
        var rows = new List<BootstrapRow>(513);
        AddSchema(rows, replicaset);
        AddCollations(rows);
        AddSpaces(rows);
        AddIndexes(rows);
        AddFunctions(rows);
        AddUsers(rows);
        AddPrivileges(rows);
        rows.Add(new TupleBuilder(2).Number(1).Text(instance.ToString("D")).ToRow(SystemSpaces.Cluster));
        return rows;
    }

    private static void AddSchema(List<BootstrapRow> rows, Guid replicaset)
    {
        rows.Add(new TupleBuilder(2).Text("cluster").Text(replicaset.ToString("D")).ToRow(SystemSpaces.Schema));
        rows.Add(new TupleBuilder(2).Text("max_id").Number(511).ToRow(SystemSpaces.Schema));
        rows.Add(new TupleBuilder(4).Text("version").Number(2).Number(3).Number(1).ToRow(SystemSpaces.Schema));
    }

    private static void AddCollations(List<BootstrapRow> rows)
    {
        Add(0, "none", "BINARY", "", "");
        Add(1, "unicode", "ICU", "", "tertiary");
        Add(2, "unicode_ci", "ICU", "", "primary");
        Add(3, "binary", "BINARY", "", "");
        ulong id = 4;
        foreach ((string name, string locale) in BootstrapTables.Collations())
        {
            Add(id++, $"unicode_{name}_s1", "ICU", locale, "primary");
            Add(id++, $"unicode_{name}_s2", "ICU", locale, "secondary");
            Add(id++, $"unicode_{name}_s3", "ICU", locale, "tertiary");
        }

        void Add(ulong id, string name, string type, string locale, string strength)
        {
            TupleBuilder tuple = new TupleBuilder(6).Number(id).Text(name).Number(Admin).Text(type).Text(locale);
            tuple = strength.Length == 0 ? tuple.Map(0) : tuple.Map(1).Text("strength").Text(strength);
            rows.Add(tuple.ToRow(SystemSpaces.Collation));
        }
    }

    private static void AddSpaces(List<BootstrapRow> rows)
    {
        foreach (BootstrapSpace space in BootstrapTables.Spaces)
        {
            TupleBuilder tuple = new TupleBuilder(7).Number(space.Id).Number(Admin).Text(space.Name).Text(space.Engine).Number(space.FieldCount);
            tuple = space.Flag switch
            {
                "group_id" => tuple.Map(1).Text("group_id").Number(1),
                "temporary" => tuple.Map(1).Text("temporary").Flag(true),
                _ => tuple.Map(0),
            };
            string[] fields = space.Format.Split(", ");
            tuple.Array(fields.Length);
            foreach (string field in fields)
            {
                string[] words = field.Split(' ');
                bool isNullable = words[1].EndsWith('?');
                string type = words[1].TrimEnd('?');
                tuple.Map(isNullable ? 3 : 2);

                // the order of the keys means nothing, but Tarantool's files have this one
                tuple = space.Id == SystemSpaces.Schema
                    ? tuple.Text("type").Text(type).Text("name").Text(words[0])
                    : tuple.Text("name").Text(words[0]).Text("type").Text(type);
                tuple = isNullable ? tuple.Text("is_nullable").Flag(true) : tuple;
            }

            rows.Add(tuple.ToRow(SystemSpaces.Space));
        }
    }

    private static void AddIndexes(List<BootstrapRow> rows)
    {
        foreach (BootstrapIndex index in BootstrapTables.Indexes)
        {
            TupleBuilder tuple = new TupleBuilder(6).Number(index.SpaceId).Number(index.Id).Text(index.Name).Text(index.Kind)
                .Map(1).Text("unique").Flag(index.IsUnique);
            string[] parts = index.Parts.Split(", ");
            tuple.Array(parts.Length);
            foreach (string part in parts)
            {
                string[] words = part.Split(' ');
                tuple.Array(2).Number(ulong.Parse(words[0], System.Globalization.CultureInfo.InvariantCulture)).Text(words[1]);
            }

            rows.Add(tuple.ToRow(SystemSpaces.Index));
        }
    }

    private static void AddFunctions(List<BootstrapRow> rows)
    {
        for (int index = 0; index < BootstrapTables.Functions.Count; index++)
        {
            string name = BootstrapTables.Functions[index];
            bool isEval = name == "LUA";
            bool isLua = index == 0 || isEval;
            TupleBuilder tuple = new TupleBuilder(19).Number((ulong)index + 1).Number(Admin).Text(name).Number(1)
                .Text(isLua ? "LUA" : "SQL_BUILTIN")
                .Text(isEval ? "function(code) return assert(loadstring(code))() end" : "")
                .Text("function").Array(isEval ? 1 : 0);
            tuple = isEval ? tuple.Text("string") : tuple;
            tuple.Text("any").Text("none").Text("none").Flag(false).Flag(false).Flag(true).Array(isEval ? 2 : isLua ? 1 : 0);
            tuple = isLua ? tuple.Text("LUA") : tuple;
            tuple = isEval ? tuple.Text("SQL") : tuple;
            rows.Add(tuple.Map(0).Text("").Text(BootstrapTables.Created).Text(BootstrapTables.Created).ToRow(SystemSpaces.Func));
        }
    }

    private static void AddUsers(List<BootstrapRow> rows)
    {
        // SHA-1 applied twice to the empty password, in base64
        rows.Add(User(0, "guest", "user").Map(1).Text("chap-sha1").Text("vhvewKp0tNyweZQ+cFKAlsyphfg=").ToRow(SystemSpaces.User));
        rows.Add(User(1, "admin", "user").Map(0).ToRow(SystemSpaces.User));
        rows.Add(User(2, "public", "role").Map(0).ToRow(SystemSpaces.User));
        rows.Add(User(3, "replication", "role").Map(0).ToRow(SystemSpaces.User));
        rows.Add(User(31, "super", "role").Map(0).ToRow(SystemSpaces.User));

        static TupleBuilder User(ulong id, string name, string type) => new TupleBuilder(5).Number(id).Number(Admin).Text(name).Text(type);
    }

    private static void AddPrivileges(List<BootstrapRow> rows)
    {
        const ulong Read = 1, Write = 2, Execute = 4, SessionAndUsage = 24, All = uint.MaxValue;
        Add(0, "role", 2, Execute);
        Add(0, "universe", 0, SessionAndUsage);
        Add(1, "universe", 0, All);
        for (int id = 1; id <= BootstrapTables.Functions.Count; id++)
        {
            Add(2, "function", (ulong)id, Execute);
        }

        foreach (uint id in new uint[] { 276, 277, 281, 286, 289, 297, 305, 313, 330 })
        {
            Add(2, "space", id, id is 276 or 330 ? Write : Read);
        }

        Add(3, "space", SystemSpaces.Cluster, Write);
        Add(3, "universe", 0, Read);
        Add(31, "universe", 0, All);

        void Add(ulong grantee, string type, ulong id, ulong bits) =>
            rows.Add(new TupleBuilder(5).Number(Admin).Number(grantee).Text(type).Number(id).Number(bits).ToRow(SystemSpaces.Priv));
    }

    /// <summary>Builds one tuple, value by value.</summary>
    private sealed class TupleBuilder
    {
        private readonly MsgPackWriter writer = new(128);

        public TupleBuilder(int fields) => writer.WriteArrayHead(fields);

        public TupleBuilder Number(ulong value)
        {
            writer.WriteUInt64(value);
            return this;
        }

        public TupleBuilder Text(string value)
        {
            writer.WriteString(value);
            return this;
        }

        public TupleBuilder Flag(bool value)
        {
            writer.WriteBoolean(value);
            return this;
        }

        public TupleBuilder Map(int pairs)
        {
            writer.WriteMapHead(pairs);
            return this;
        }

        public TupleBuilder Array(int count)
        {
            writer.WriteArrayHead(count);
            return this;
        }

        public BootstrapRow ToRow(uint spaceId) => new(spaceId, writer.ToArray());
    }
}
