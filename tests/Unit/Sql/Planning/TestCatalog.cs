using Picodata.Core;
using Picodata.Sql;
using Picodata.Sql.Functions;
using Picodata.Sql.Parsing;
using Picodata.Sql.Plans;
using Picodata.Sql.Types;
using Picodata.Storage;

namespace Picodata.Unit.Sql.Planning;

/// <summary>A catalog made by hand, and the way from text to bound tree and plan over it, without storage.</summary>
internal static class TestCatalog
{
    /// <summary>Estimated rows of the tables, by name.</summary>
    private static readonly Dictionary<string, long> Rows = new()
    {
        ["customers"] = 1000, ["orders"] = 100_000, ["items"] = 500_000, ["products"] = 200, ["tiny"] = 5, ["loose"] = 50, ["logs"] = 1_000_000,
    };

    public static readonly CatalogSnapshot Snapshot = Build();

    private static CatalogSnapshot Build()
    {
        uint space = 1025;
        Relation[] relations =
        [
            Table(ref space, "customers", "id int8! name text! city text email text", "pk id", "unique customers_email email", "index customers_city city"),
            Table(ref space, "orders", "id int8! customer_id int8! placed timestamptz! status text total numeric", "pk id", "index orders_customer customer_id,placed", "index orders_status status"),
            Table(ref space, "items", "order_id int8! line int8! product_id int8! qty int8 price numeric", "pk order_id,line", "index items_product product_id"),
            Table(ref space, "products", "id int8! title text price numeric tags _text", "pk id"),
            Table(ref space, "tiny", "a int8! b bool c float8", "pk a"),
            Table(ref space, "loose", "x int8 y text _rowid int8!", "pk _rowid"),
            Table(ref space, "logs", "id int8! at timestamp! level int8 data json", "pk id", "index logs_at at desc"),
            new ViewDef
            {
                Oid = CatalogOids.View(1), Schema = "public", Name = "big_orders", Text = "SELECT id, customer_id, total FROM orders WHERE total > 100",
                Columns = [new ColumnDef("id", SqlType.Int8), new ColumnDef("customer_id", SqlType.Int8), new ColumnDef("total", SqlType.Numeric)],
            },
            new VirtualTableDef
            {
                Oid = 1259, Schema = "pg_catalog", Name = "pg_class", Rows = _ => [],
                Columns = [new ColumnDef("oid", SqlType.Oid_), new ColumnDef("relname", SqlType.NameType), new ColumnDef("relnamespace", SqlType.Oid_), new ColumnDef("relkind", SqlType.InternalChar)],
            },
        ];
        return new CatalogSnapshot(1, relations);
    }

    private static TableDef Table(ref uint space, string name, string columns, params string[] indexes)
    {
        uint id = space++;
        ColumnDef[] defs = columns.Split(' ').Chunk(2).Select((c, i) => new ColumnDef(c[0], SqlType.All.First(t => t.Name == c[1].TrimEnd('!')))
        {
            IsNullable = !c[1].EndsWith('!'), Ordinal = i, IsHidden = c[0] == "_rowid",
        }).ToArray();
        TableIndex[] list = indexes.Select((text, i) => Index(id, (uint)i, name, text.Split(' ', 3), defs)).ToArray();
        return new TableDef
        {
            Oid = CatalogOids.Table(id), Schema = "public", Name = name, Columns = defs, SpaceId = id, Indexes = list,
            Space = new SpaceDef(id, 1, name, "memtx", 0, [], []) { Tuple = default },
            PrimaryKeyName = defs.Any(d => d.Name == "_rowid") ? null : name + "_pkey",
        };
    }

    private static TableIndex Index(uint space, uint id, string table, string[] words, ColumnDef[] columns)
    {
        bool isPrimary = words[0] == "pk";
        string name = isPrimary ? table + "_pkey" : words[1];
        string[] names = (isPrimary ? words[1] : words[2]).Split(',');
        IndexPart[] parts = names.Select(n => new IndexPart(Array.FindIndex(columns, c => c.Name == n.Split(' ')[0]), n.EndsWith(" desc", StringComparison.Ordinal))).ToArray();
        return new TableIndex
        {
            Oid = CatalogOids.Index(space, id), Name = name, Parts = parts, IsUnique = words[0] != "index", IsPrimary = isPrimary,
            Storage = new IndexDef(space, id, name, IndexKind.Tree, words[0] != "index", []) { Tuple = default },
        };
    }

    public static BoundStatement Bind(string sql, params SqlType?[] parameters)
    {
        Statement statement = SqlParser.ParseStatement(sql);
        if (statement is ExplainStatement explain)
        {
            statement = explain.Target;
        }

        return new Binder(Snapshot, FunctionTable.BuiltIn, new EvaluationContext(new TypeContext()), parameters).Bind(statement);
    }

    public static PlanNode Plan(BoundStatement statement) =>
        new Planner(space => Rows.GetValueOrDefault(Snapshot.FindTableBySpace(space)!.Name, 100)).Plan(statement);

    /// <summary>Runs EXPLAIN as the session would; errors are printed as a line.</summary>
    public static IReadOnlyList<string> Explain(string sql)
    {
        try
        {
            Statement statement = SqlParser.ParseStatement(sql);
            BoundStatement bound = Bind(sql);
            if (statement is not ExplainStatement explain)
            {
                explain = new ExplainStatement(statement, [("costs", "off")]);
            }

            PlanNode plan = Plan(bound);
            return ExplainText.Lines(explain, bound, plan, null, new ExplainSettings());
        }
        catch (DbException error)
        {
            string position = error.Position > 0 ? $" at {error.Position}" : "";
            return [$"ERROR {error.SqlState}: {error.Message}{position}"];
        }
    }
}
