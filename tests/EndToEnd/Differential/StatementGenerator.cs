namespace Picodata.EndToEnd.Differential;

/// <summary>
/// Random SQL statements over three small tables, in the part of the language where Picodata and PostgreSQL agree. The same seed
/// gives the same statements. Orders are total and say where NULLs go, since the defaults differ.
/// </summary>
internal sealed class StatementGenerator(int seed)
{
    /// <summary>Types that expressions are made of.</summary>
    private enum Kind { Int, Numeric, Text, Bool, Date, Time }

    private static readonly (string Table, (string Name, Kind Kind)[] Columns)[] Tables =
    [
        ("t1", [("id", Kind.Int), ("i", Kind.Int), ("n", Kind.Numeric), ("s", Kind.Text), ("b", Kind.Bool), ("d", Kind.Date), ("ts", Kind.Time)]),
        ("t2", [("id", Kind.Int), ("t1_id", Kind.Int), ("i", Kind.Int), ("s", Kind.Text), ("n", Kind.Numeric)]),
        ("t3", [("a", Kind.Int), ("s", Kind.Text), ("i", Kind.Int)]),
    ];

    private readonly Random random = new(seed);
    private readonly List<(string Alias, (string Name, Kind Kind)[] Columns)> scope = [];
    private int aliases;

    /// <summary>Makes the tables.</summary>
    internal static readonly string[] Schema =
    [
        "drop table if exists t1", "drop table if exists t2", "drop table if exists t3",
        "create table t1 (id bigint primary key, i bigint, n numeric, s text, b boolean, d date, ts timestamp)",
        "create table t2 (id bigint primary key, t1_id bigint, i bigint not null, s text, n numeric)",
        "create table t3 (a bigint, s text, i bigint, primary key (a, s))",
        "create index t1_i on t1 (i)", "create index t2_t1 on t2 (t1_id, s)", "create unique index t2_s on t2 (s, id)",
    ];

    /// <summary>Fills the tables.</summary>
    internal IEnumerable<string> Rows()
    {
        for (int id = 1; id <= 40; id++)
        {
            yield return $"insert into t1 values ({id}, {OrNull(Small())}, {OrNull(Decimal())}, {OrNull(TextLiteral())}, {OrNull(Pick("true", "false"))}, {OrNull(DateLiteral())}, {OrNull(TimeLiteral())})";
        }

        for (int id = 1; id <= 60; id++)
        {
            yield return $"insert into t2 values ({id}, {OrNull(random.Next(1, 45).ToString())}, {Small()}, {OrNull(TextLiteral())}, {OrNull(Decimal())})";
        }

        for (int a = 1; a <= 12; a++)
        {
            yield return $"insert into t3 values ({a}, 'a', {OrNull(Small())}), ({a}, 'b', {OrNull(Small())})";
        }
    }

    /// <summary>The next statement; <c>Ordered</c> tells whether the order of its rows is determined.</summary>
    internal (string Sql, bool Ordered) Next()
    {
        scope.Clear();
        aliases = 0;
        return random.Next(20) switch
        {
            0 => (Insert(), false),
            1 => (Update(), false),
            2 => (Delete(), false),
            3 => ("select * from " + Pick("t1", "t2", "t3"), false),
            4 or 5 => (Union(), false),
            6 => (WithQuery(), false),
            7 or 8 => (Windowed(), false),
            9 or 10 or 11 => (Grouped(), false),
            _ => Plain(),
        };
    }

    private string Pick(params string[] choices) => choices[random.Next(choices.Length)];

    private bool Chance(int percent) => random.Next(100) < percent;

    private string OrNull(string literal) => Chance(15) ? "null" : literal;

    private string Small() => random.Next(-5, 15).ToString();

    private string Decimal() => $"{random.Next(-50, 200)}.{random.Next(100):00}";

    private string TextLiteral() => Pick("'a'", "'b'", "'abc'", "'Abc'", "''", "'zz'", "'b%'", "'x y'", "'12'");

    private string DateLiteral() => $"'20{random.Next(18, 24)}-{random.Next(1, 13):00}-{random.Next(1, 29):00}'";

    private string TimeLiteral() => DateLiteral().TrimEnd('\'') + $" {random.Next(24):00}:{random.Next(60):00}:00'";

    private string Table(out (string Name, Kind Kind)[] columns)
    {
        (string table, columns) = Tables[random.Next(Tables.Length)];
        return table;
    }

    /// <summary>Adds a table under a new alias to the scope.</summary>
    private string Source()
    {
        string alias = "x" + ++aliases;
        if (Chance(12))
        {
            scope.Add((alias, [("k", Kind.Int), ("v", Kind.Text)]));
            return $"(values (1::bigint, 'a'), (2, 'b'), (3, null), (null, 'zz')) {alias}(k, v)";
        }

        if (Chance(12))
        {
            scope.Add((alias, [("k", Kind.Int), ("c", Kind.Int), ("m", Kind.Text)]));
            return $"(select i, count(*), max(s) from {Pick("t1", "t2", "t3")} group by i) {alias}(k, c, m)";
        }

        string table = Table(out (string, Kind)[] columns);
        scope.Add((alias, columns));
        return $"{table} {alias}";
    }

    private string From()
    {
        string from = Source();
        for (int more = random.Next(4) switch { 0 or 1 => 0, 2 => 1, _ => random.Next(1, 3) }; more > 0; more--)
        {
            string join = Pick("join", "left join", "right join", "full join", "join", "left join", "cross join");
            string right = Source();
            from += join == "cross join" ? $" cross join {right}" : $" {join} {right} on {JoinCondition()}";
        }

        return from;
    }

    private string JoinCondition()
    {
        (string left, (string, Kind)[] leftColumns) = scope[random.Next(scope.Count - 1)];
        (string right, (string, Kind)[] rightColumns) = scope[^1];
        string a = leftColumns.Where(column => column.Item2 == Kind.Int).Select(column => column.Item1).OrderBy(_ => random.Next()).First();
        string b = rightColumns.Where(column => column.Item2 == Kind.Int).Select(column => column.Item1).OrderBy(_ => random.Next()).First();
        return $"{left}.{a} = {right}.{b}";
    }

    private string Column(Kind kind)
    {
        var found = scope.SelectMany(source => source.Columns.Where(column => column.Kind == kind).Select(column => $"{source.Alias}.{column.Name}")).ToArray();
        return found.Length > 0 && Chance(80) ? found[random.Next(found.Length)] : Literal(kind);
    }

    private string Literal(Kind kind) => kind switch
    {
        Kind.Int => Small() + "::bigint",
        Kind.Numeric => Decimal(),
        Kind.Text => TextLiteral(),
        Kind.Bool => Pick("true", "false"),
        Kind.Date => "date " + DateLiteral(),
        _ => "timestamp " + TimeLiteral(),
    };

    private string Expression(Kind kind, int depth = 3)
    {
        if (depth == 0 || Chance(35))
        {
            return Column(kind);
        }

        if (Chance(12))
        {
            return $"case when {Expression(Kind.Bool, depth - 1)} then {Expression(kind, depth - 1)} else {Expression(kind, depth - 1)} end";
        }

        if (Chance(8))
        {
            return $"coalesce({Expression(kind, depth - 1)}, {Expression(kind, depth - 1)})";
        }

        return kind switch
        {
            Kind.Int => IntExpression(depth - 1),
            Kind.Numeric => NumericExpression(depth - 1),
            Kind.Text => TextExpression(depth - 1),
            Kind.Bool => Condition(depth - 1),
            Kind.Date => $"({Expression(Kind.Date, depth - 1)} + {random.Next(-40, 40)})",
            _ => $"({Expression(Kind.Time, depth - 1)} + interval '{random.Next(-30, 30)} {Pick("days", "hours", "months")}')",
        };
    }

    private string IntExpression(int depth) => random.Next(10) switch
    {
        0 or 1 or 2 => $"({Expression(Kind.Int, depth)} {Pick("+", "-", "*")} {Expression(Kind.Int, depth)})",
        3 => $"({Expression(Kind.Int, depth)} {Pick("/", "%")} {Pick("3", "7", "2", Expression(Kind.Int, 0))})",
        4 => $"length({Expression(Kind.Text, depth)})",
        5 => $"abs({Expression(Kind.Int, depth)})",
        6 => $"greatest({Expression(Kind.Int, depth)}, {Expression(Kind.Int, depth)})",
        7 => $"nullif({Expression(Kind.Int, depth)}, {Small()})",
        8 => $"({Expression(Kind.Date, depth)} - {Expression(Kind.Date, depth)})",
        _ => ScalarSubquery(),
    };

    private string ScalarSubquery()
    {
        int depth = scope.Count;
        string table = Table(out (string Name, Kind Kind)[] columns);
        string alias = "q" + ++aliases;
        scope.Add((alias, columns));
        string aggregate = Pick("count(*)", $"max({alias}.i)", $"min({alias}.i)");
        string sql = $"(select {aggregate} from {table} {alias} where {Condition(1)})";
        scope.RemoveRange(depth, scope.Count - depth);
        return sql;
    }

    private string NumericExpression(int depth) => random.Next(6) switch
    {
        0 or 1 => $"({Expression(Kind.Numeric, depth)} {Pick("+", "-", "*")} {Expression(Pick("a", "b") == "a" ? Kind.Numeric : Kind.Int, depth)})",
        2 => $"round({Expression(Kind.Numeric, depth)}, {random.Next(0, 3)})",
        3 => $"({Expression(Kind.Numeric, depth)} / {Pick("3", "7.5", "0.25")})",
        4 => $"({Expression(Kind.Int, depth)})::numeric",
        _ => $"abs({Expression(Kind.Numeric, depth)})",
    };

    private string TextExpression(int depth) => random.Next(9) switch
    {
        0 or 1 => $"({Expression(Kind.Text, depth)} || {Expression(Kind.Text, depth)})",
        2 => $"upper({Expression(Kind.Text, depth)})",
        3 => $"substr({Expression(Kind.Text, depth)}, {random.Next(0, 4)}, {random.Next(0, 4)})",
        4 => $"({Expression(Kind.Int, depth)})::text",
        5 => $"replace({Expression(Kind.Text, depth)}, 'b', 'Q')",
        6 => $"trim({Expression(Kind.Text, depth)})",
        7 => $"({Expression(Kind.Date, depth)})::text",
        _ => $"lpad({Expression(Kind.Text, depth)}, {random.Next(0, 5)}, '*')",
    };

    private Kind AnyKind() => (Kind)random.Next(6);

    private string Condition(int depth)
    {
        switch (random.Next(12))
        {
            case 0 or 1 when depth > 0:
                return $"({Condition(depth - 1)} {Pick("and", "or")} {Condition(depth - 1)})";
            case 2 when depth > 0:
                return $"not ({Condition(depth - 1)})";
            case 3:
                return $"{Expression(AnyKind(), 1)} is {Pick("", "not ")}null";
            case 4:
                return $"{Column(Kind.Int)} {Pick("", "not ")}in ({Small()}, {Small()}, {OrNull(Small())})";
            case 5:
                return $"{Column(Kind.Int)} {Pick("", "not ")}between {Small()} and {Small()}";
            case 6:
                return $"{Column(Kind.Text)} {Pick("", "not ")}{Pick("like", "ilike")} {Pick("'a%'", "'%b%'", "'_bc'", "'%'")}";
            case 7 when scope.Count > 0 && depth > 0:
                return Exists();
            case 8 when depth > 0:
                return $"{Column(Kind.Int)} {Pick("", "not ")}in (select i from {Pick("t1", "t2", "t3")} where i {Pick("<", ">")} {Small()})";
            case 9:
                return $"{Column(Kind.Int)} {Pick("=", "<", ">")} {Pick("any", "all")} (array[{Small()}, {Small()}])";
            case 10:
                return $"{Expression(Kind.Bool, 0)} is {Pick("", "not ")}{Pick("true", "false", "unknown")}";
            default:
                Kind kind = AnyKind();
                return $"({Expression(kind, Math.Max(0, depth))} {Pick("=", "<>", "<", "<=", ">", ">=", "is distinct from")} {Expression(kind, Math.Max(0, depth))})";
        }
    }

    private string Exists()
    {
        string outer = Column(Kind.Int);
        string table = Pick("t1", "t2", "t3");
        return $"{Pick("", "not ")}exists (select 1 from {table} e where e.i = {outer})";
    }

    private (string, bool) Plain()
    {
        string from = From();
        Kind[] kinds = [.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => AnyKind())];
        string list = string.Join(", ", kinds.Select((kind, i) => $"{Expression(kind)} as c{i}"));
        string sql = $"select {(Chance(15) ? "distinct " : "")}{list} from {from}{Where()}";
        if (!Chance(40))
        {
            return (sql, false);
        }

        string order = string.Join(", ", Enumerable.Range(1, kinds.Length).Select(i => $"{i} {Pick("asc", "desc")} nulls {Pick("first", "last")}"));
        sql += " order by " + order;
        return (sql + (Chance(60) ? $" limit {random.Next(0, 12)}" : "") + (Chance(20) ? $" offset {random.Next(0, 6)}" : ""), true);
    }

    private string Where() => Chance(75) ? " where " + Condition(2) : "";

    private string Grouped()
    {
        string from = From();
        string key = Expression(Pick("a", "b") == "a" ? Kind.Int : Kind.Text, 1);
        string aggregates = string.Join(", ", Enumerable.Range(0, random.Next(1, 4)).Select(i => Aggregate() + $" as a{i}"));
        return Chance(20)
            ? $"select {aggregates} from {from}{Where()}"
            : $"select {key} as k, {aggregates} from {from}{Where()} group by 1{(Chance(30) ? " having count(*) > " + random.Next(0, 4) : "")}";
    }

    private string Aggregate() => random.Next(10) switch
    {
        0 => "count(*)",
        1 => $"count({Pick("", "distinct ")}{Expression(AnyKind(), 1)})",
        2 or 3 => $"sum({Expression(Kind.Int, 1)})",
        4 => $"sum({Expression(Kind.Numeric, 1)})",
        5 => $"avg({Expression(Kind.Int, 1)})",
        6 => $"min({Expression(Pick("a", "b") == "a" ? Kind.Text : Kind.Date, 1)})",
        7 => $"max({Expression(Pick("a", "b") == "a" ? Kind.Numeric : Kind.Time, 1)})",
        8 => $"count(*) filter (where {Condition(1)})",
        _ => $"bool_or({Expression(Kind.Bool, 1)})",
    };

    private string Union()
    {
        Kind[] kinds = [AnyKind(), AnyKind()];
        string sql = "";
        for (int i = random.Next(2, 4); i > 0; i--)
        {
            scope.Clear();
            string from = From();
            string list = string.Join(", ", kinds.Select(kind => Expression(kind, 1)));
            sql += (sql.Length > 0 ? Pick(" union ", " union all ", " intersect ", " except ") : "") + $"select {list} from {from}{Where()}";
        }

        return sql;
    }

    private string WithQuery()
    {
        string inner = Grouped();
        scope.Clear();
        string column = inner.StartsWith("select count", StringComparison.Ordinal) || !inner.Contains(" as k", StringComparison.Ordinal) ? "a0" : "k";
        return $"with w as ({inner}) select {column}, count(*) from w group by {column}";
    }

    private string Windowed()
    {
        string table = Pick("t1", "t2");
        string function = Pick(
            "row_number()", "rank()", "dense_rank()", "count(*)", "sum(i)", "max(s)", "lag(i)", "lead(s)", "first_value(i)", "last_value(i)", "ntile(3)", "lag(i, 2, 0)", "min(n)", "avg(i)");
        // ties are ordered by chance: only functions that treat peers alike may meet them, and no frame that counts rows
        bool hasTies = function is "rank()" or "dense_rank()" or "count(*)" or "sum(i)" or "max(s)" or "min(n)" && Chance(40);
        string order = hasTies ? "i nulls last" : "i nulls first, id";
        string frame = !hasTies && function is "sum(i)" or "count(*)" or "first_value(i)" or "last_value(i)" && Chance(50)
            ? Pick(" rows between 1 preceding and 1 following", " rows between unbounded preceding and current row", " range between unbounded preceding and current row", " rows between current row and unbounded following")
            : "";
        return $"select id, {function} over ({(Chance(60) ? "partition by b1 " : "")}order by {order}{frame}) as w from (select {table}.*, (id % 3) as b1 from {table}) y";
    }

    private string Insert()
    {
        int id = random.Next(1, 80);
        string conflict = random.Next(4) switch
        {
            0 => " on conflict do nothing",
            1 => " on conflict (id) do update set i = excluded.i + 1",
            2 => " on conflict (id) do nothing",
            _ => "",
        };
        return $"insert into t2 (id, t1_id, i, s) values ({id}, {OrNull(Small())}, {OrNull(Small())}, {OrNull(TextLiteral())}){conflict} returning id, i";
    }

    private string Update()
    {
        scope.Add(("t2", Tables[1].Columns));
        return Chance(25)
            ? $"update t2 set s = t1.s, n = t1.n from t1 where t1.id = t2.t1_id and t1.i = {Small()} returning t2.id, t2.s, t2.n"
            : $"update t2 set i = {Expression(Kind.Int, 1)}, s = {Expression(Kind.Text, 1)} where {Condition(1)} returning id, i, s";
    }

    private string Delete()
    {
        scope.Add(("t2", Tables[1].Columns));
        return $"delete from t2 where id = {random.Next(1, 80)} and {Condition(1)} returning *";
    }
}
