using Picodata.Core;
using Picodata.Sql;
using Picodata.Sql.SystemViews;
using Picodata.Storage;
using Xunit;

namespace Picodata.Unit.SystemViews;

public sealed class SystemViewTests
{
    private static readonly TableDef Items = Table(2000, "items",
    [
        new("id", SqlType.Int8) { IsNullable = false, Identity = IdentityKind.ByDefault, DefaultText = "nextval('items_id_seq')" },
        new("name", SqlType.Varchar) { TypeModifier = 24, DefaultText = "'x'" },
        new("Amount", SqlType.Numeric) { TypeModifier = ((10 << 16) | 2) + 4 },
    ], primary: [0], hidden: false);

    private static readonly TableDef Heap = Table(2001, "heap",
    [
        new("a", SqlType.ArrayOf(SqlType.Text)),
        new("_rowid", SqlType.Int8) { IsNullable = false, IsHidden = true },
    ], primary: [1], hidden: true);

    private static readonly SequenceDef Sequence = new()
    {
        Oid = CatalogOids.Sequence(7),
        SequenceId = 7,
        Schema = "public",
        Name = "items_id_seq",
        Columns = [new("last_value", SqlType.Int8)],
        OwnerTableOid = Items.Oid,
        OwnerColumnNumber = 1,
    };

    private static readonly CatalogSnapshot Catalog = new(1, [.. SystemCatalog.Relations, Items, Heap, Sequence]);

    [Fact]
    public void The_class_catalog_lists_itself_and_user_tables()
    {
        Dictionary<string, Dictionary<string, Datum>> classes = Rows("pg_class").ToDictionary(row => row["relname"].AsText);
        Assert.Equal(1259, classes["pg_class"]["oid"].AsInt);
        Assert.Equal(11, classes["pg_class"]["relnamespace"].AsInt);
        Assert.Equal(Items.Oid, classes["items"]["oid"].AsInt);
        Assert.Equal(2200, classes["items"]["relnamespace"].AsInt);
        Assert.Equal("r", classes["items"]["relkind"].AsText);
        Assert.Equal("i", classes["items_pkey"]["relkind"].AsText);
        Assert.Equal("S", classes["items_id_seq"]["relkind"].AsText);
        Assert.True(classes["items"]["relhasindex"].AsBool);
    }

    [Fact]
    public void A_hidden_row_id_is_nowhere()
    {
        Assert.DoesNotContain(Rows("pg_attribute"), row => row["attname"].AsText == "_rowid");
        Assert.DoesNotContain(Rows("pg_class"), row => row["relname"].AsText == "heap_pkey");
        Assert.DoesNotContain(Rows("pg_index"), row => row["indrelid"].AsInt == Heap.Oid);
        Assert.DoesNotContain(Rows("pg_constraint"), row => row["conrelid"].AsInt == Heap.Oid);
        Assert.DoesNotContain(Rows("columns", "information_schema"), row => row["column_name"].AsText == "_rowid");
    }

    [Fact]
    public void Attributes_tell_types_defaults_and_identity()
    {
        List<Dictionary<string, Datum>> columns = Rows("pg_attribute").Where(row => row["attrelid"].AsInt == Items.Oid).ToList();
        Assert.Equal(["id", "name", "Amount"], columns.Select(row => row["attname"].AsText));
        Assert.Equal([20, 1043, 1700], columns.Select(row => row["atttypid"].AsInt));
        Assert.Equal([1, 2, 3], columns.Select(row => row["attnum"].AsInt));
        Assert.Equal([true, false, false], columns.Select(row => row["attnotnull"].AsBool));
        Assert.Equal([false, true, false], columns.Select(row => row["atthasdef"].AsBool));
        Assert.Equal(["d", "", ""], columns.Select(row => row["attidentity"].AsText));
        Assert.Equal("'x'", Assert.Single(Rows("pg_attrdef"), row => row["adrelid"].AsInt == Items.Oid)["adbin"].AsText);
    }

    [Fact]
    public void Constraints_lead_to_their_index_and_columns()
    {
        Dictionary<string, Datum> key = Assert.Single(Rows("pg_constraint"), row => row["conrelid"].AsInt == Items.Oid && row["contype"].AsText == "p");
        Assert.Equal("items_pkey", key["conname"].AsText);
        Assert.Equal(Items.Indexes[0].Oid, key["conindid"].AsInt);
        Assert.Equal([1], key["conkey"].AsArray.Elements.Select(element => element.AsInt));
        Dictionary<string, Datum> check = Assert.Single(Rows("pg_constraint"), row => row["contype"].AsText == "c");
        Assert.Equal("positive", check["conname"].AsText);
        Assert.Equal([3], check["conkey"].AsArray.Elements.Select(element => element.AsInt));
        Dictionary<string, Datum> index = Assert.Single(Rows("pg_index"), row => row["indrelid"].AsInt == Items.Oid);
        Assert.Equal(0, index["indkey"].AsArray.LowerBounds[0]);
    }

    [Fact]
    public void A_sequence_depends_on_its_column()
    {
        Dictionary<string, Datum> dependency = Assert.Single(Rows("pg_depend"));
        Assert.Equal((Sequence.Oid, Items.Oid, 1L, "i"), ((uint)dependency["objid"].AsInt, (uint)dependency["refobjid"].AsInt, dependency["refobjsubid"].AsInt, dependency["deptype"].AsText));
    }

    [Fact]
    public void Types_carry_postgres_numbers()
    {
        Dictionary<long, Dictionary<string, Datum>> types = Rows("pg_type").ToDictionary(row => row["oid"].AsInt);
        foreach (SqlType type in SqlType.All)
        {
            Assert.Equal(type.Name, types[type.Oid]["typname"].AsText);
            Assert.Equal(type.Length, types[type.Oid]["typlen"].AsInt);
            Assert.Equal(type.ArrayOid, types[type.Oid]["typarray"].AsInt);
        }

        Assert.Equal(2400, types[1007]["typreceive"].AsInt);
        Assert.Equal(Items.Oid, types[CatalogOids.RowType(Items.Oid)]["typrelid"].AsInt);
    }

    [Fact]
    public void Every_relation_makes_rows_of_its_own_width()
    {
        foreach (VirtualTableDef relation in SystemCatalog.Relations)
        {
            foreach (Datum[] row in relation.Rows(Context()))
            {
                Assert.Equal(relation.Columns.Count, row.Length);
                for (int i = 0; i < row.Length; i++)
                {
                    bool fits = row[i].IsNull ? relation.Columns[i].IsNullable : row[i].Kind == relation.Columns[i].Type.Kind;
                    Assert.True(fits, $"{relation.Name}.{relation.Columns[i].Name}: {row[i]}");
                }
            }
        }
    }

    [Fact]
    public void Columns_are_described_as_the_standard_wants()
    {
        Dictionary<string, Dictionary<string, Datum>> columns = Rows("columns", "information_schema")
            .Where(row => row["table_name"].AsText is "items" or "heap").ToDictionary(row => row["column_name"].AsText);
        Assert.Equal("bigint", columns["id"]["data_type"].AsText);
        Assert.Equal(64, columns["id"]["numeric_precision"].AsInt);
        Assert.Equal("BY DEFAULT", columns["id"]["identity_generation"].AsText);
        Assert.True(columns["id"]["column_default"].IsNull);
        Assert.Equal(20, columns["name"]["character_maximum_length"].AsInt);
        Assert.Equal((10, 2), (columns["Amount"]["numeric_precision"].AsInt, columns["Amount"]["numeric_scale"].AsInt));
        Assert.Equal(("ARRAY", "_text"), (columns["a"]["data_type"].AsText, columns["a"]["udt_name"].AsText));
    }

    [Theory]
    [InlineData(20u, -1, "bigint")]
    [InlineData(1043u, 24, "character varying(20)")]
    [InlineData(1043u, null, "character varying")]
    [InlineData(1042u, 88, "character(84)")]
    [InlineData(1042u, null, "character")]
    [InlineData(1042u, -1, "bpchar")]
    [InlineData(1700u, 655366, "numeric(10,2)")]
    [InlineData(1184u, 3, "timestamp(3) with time zone")]
    [InlineData(1114u, -1, "timestamp without time zone")]
    [InlineData(1007u, -1, "integer[]")]
    [InlineData(1015u, 24, "character varying(20)[]")]
    [InlineData(0u, -1, "-")]
    [InlineData(999999u, -1, "???")]
    public void Types_are_named_with_their_modifiers(uint oid, int? modifier, string expected) =>
        Assert.Equal(expected, TypeModifier.Format(oid, modifier));

    [Theory]
    [InlineData("items", true)]
    [InlineData("public.items", true)]
    [InlineData("ITEMS", true)]
    [InlineData("\"items\"", true)]
    [InlineData("\"ITEMS\"", false)]
    [InlineData("items_pkey", true)]
    [InlineData("pg_catalog.pg_class", true)]
    [InlineData("information_schema.columns", true)]
    [InlineData("nothing", false)]
    public void Names_are_found(string name, bool exists) =>
        Assert.Equal(exists, new CatalogNames(Catalog).FindRelation(name) is not null);

    [Theory]
    [InlineData("")]
    [InlineData("a..b")]
    [InlineData("\"a")]
    [InlineData("\"a\"b")]
    public void Malformed_names_are_refused(string name) =>
        Assert.Equal("42602", Assert.Throws<DbException>(() => new CatalogNames(Catalog).FindRelation(name)).SqlState);

    [Theory]
    [InlineData("abc", "abc")]
    [InlineData("Abc", "\"Abc\"")]
    [InlineData("a b", "\"a b\"")]
    [InlineData("a\"b", "\"a\"\"b\"")]
    [InlineData("select", "\"select\"")]
    [InlineData("user", "\"user\"")]
    [InlineData("_a1", "_a1")]
    [InlineData("1a", "\"1a\"")]
    public void Identifiers_are_quoted_when_they_must(string name, string expected) => Assert.Equal(expected, Deparser.Identifier(name));

    [Fact]
    public void Definitions_read_as_they_were_written()
    {
        Assert.Equal("CREATE UNIQUE INDEX items_pkey ON public.items USING btree (id)", Deparser.Index(Items, Items.Indexes[0]));
        Assert.Equal("PRIMARY KEY (id)", Deparser.Constraint(Items, Items.Indexes[0]));
        Assert.Equal("CHECK ((\"Amount\" > 0))", Deparser.Check(Items.Checks[0]));
    }

    [Theory]
    [InlineData(0, "0 bytes")]
    [InlineData(10239, "10239 bytes")]
    [InlineData(10240, "10 kB")]
    [InlineData(1_000_000, "977 kB")]
    [InlineData(123_456_789, "118 MB")]
    public void Sizes_are_rounded_as_postgres_does(long bytes, string expected) => Assert.Equal(expected, RelationSize.Pretty(Datum.Int(bytes)));

    private static VirtualScanContext Context() => new() { Catalog = Catalog, Transaction = null!, DatabaseName = "db" };

    private static List<Dictionary<string, Datum>> Rows(string relation, string schema = "pg_catalog")
    {
        var table = (VirtualTableDef)Catalog.FindRelation(schema, relation)!;
        return table.Rows(Context()).Select(row => table.Columns.Select((column, i) => (column.Name, row[i])).ToDictionary()).ToList();
    }

    private static TableDef Table(uint space, string name, ColumnDef[] columns, int[] primary, bool hidden)
    {
        var index = new IndexDef(space, 0, name + "_pkey", IndexKind.Tree, true, [.. primary.Select(part => new KeyPart(part, FieldType.Unsigned))]) { Tuple = default };
        return new TableDef
        {
            Oid = CatalogOids.Table(space),
            SpaceId = space,
            Schema = "public",
            Name = name,
            Columns = columns,
            Space = new SpaceDef(space, 1, name, "memtx", (uint)columns.Length, [], [index]) { Tuple = default },
            PrimaryKeyName = hidden ? null : name + "_pkey",
            Checks = hidden ? [] : [new CheckDef("positive", "\"Amount\" > 0")],
            Indexes =
            [
                new TableIndex
                {
                    Oid = CatalogOids.Index(space, 0),
                    Name = name + "_pkey",
                    Storage = index,
                    Parts = [.. primary.Select(part => new IndexPart(part, false))],
                    IsUnique = true,
                    IsPrimary = true,
                },
            ],
        };
    }
}
