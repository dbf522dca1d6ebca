using Picodata.Core;

namespace Picodata.Sql.SystemViews;

/// <summary>Columns of a virtual relation and the values that a row has before it is filled: zero, false or empty where NOT NULL.</summary>
internal sealed class RelationShape
{
    private readonly Dictionary<string, int> _ordinals = [];
    private readonly Datum[] _blank;

    private RelationShape(uint oid, bool isView, string name, IReadOnlyList<ColumnDef> columns)
    {
        Oid = oid;
        IsView = isView;
        Name = name;
        Columns = columns;
        _blank = new Datum[columns.Count];
        for (int i = 0; i < columns.Count; i++)
        {
            _ordinals[columns[i].Name] = i;
            _blank[i] = columns[i].IsHidden ? Datum.Int(oid) : columns[i].IsNullable ? Datum.Null : Blank(columns[i].Type);
        }
    }

    public uint Oid { get; }

    public bool IsView { get; }

    public string Name { get; }

    public IReadOnlyList<ColumnDef> Columns { get; }

    public int Ordinal(string column) => _ordinals[column];

    public Datum[] BlankRow() => (Datum[])_blank.Clone();

    /// <summary>Reads the lines of a shapes text.</summary>
    public static IEnumerable<RelationShape> Parse(string text)
    {
        string[] head = [];
        var body = new System.Text.StringBuilder();
        foreach (string line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line[0] == ' ')
            {
                body.Append(line);
                continue;
            }

            if (head.Length > 0)
            {
                yield return Make(head, ColumnsOf(body.ToString()));
            }

            head = line.Split(' ');
            body.Clear();
        }

        yield return Make(head, ColumnsOf(body.ToString()));
    }

    private static List<ColumnDef> ColumnsOf(string body)
    {
        var columns = new List<ColumnDef>();
        foreach (string column in body.Split(','))
        {
            string[] words = column.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            columns.Add(new ColumnDef(words[0], TypeOf(words[1].TrimEnd('!'))) { IsNullable = !column.EndsWith('!'), Ordinal = columns.Count });
        }

        return columns;
    }

    /// <summary>Tables have the system column tableoid, which * leaves out.</summary>
    private static RelationShape Make(string[] head, List<ColumnDef> columns)
    {
        bool isView = head[1] == "v";
        if (!isView)
        {
            columns.Add(new ColumnDef("tableoid", SqlType.Oid_) { IsNullable = false, IsHidden = true, Ordinal = columns.Count });
        }

        return new RelationShape(uint.Parse(head[0]), isView, head[2], columns);
    }

    private static SqlType TypeOf(string name)
    {
        bool isArray = name.EndsWith("[]", StringComparison.Ordinal);
        string element = isArray ? name[..^2] : name;
        SqlType type = SqlType.All.First(candidate => candidate.Name == element);
        return isArray ? SqlType.ArrayOf(type) : type;
    }

    private static Datum Blank(SqlType type) => type.Kind switch
    {
        DatumKind.Bool => Datum.False,
        DatumKind.Int => Datum.Int(0),
        DatumKind.Double => Datum.Double(0),
        DatumKind.Text => Datum.Text(""),
        DatumKind.Array => Datum.Array(new DatumArray(type.Element ?? SqlType.Text, [], [], [])),
        DatumKind.Numeric => Datum.Numeric(new Numeric(0, 0)),
        _ => Datum.Null,
    };
}

/// <summary>Fills one row by column names.</summary>
internal readonly struct RowBuilder(RelationShape shape)
{
    private readonly Datum[] _values = shape.BlankRow();

    /// <summary>The row.</summary>
    public Datum[] Done() => _values;

    public RowBuilder Set(string column, Datum value)
    {
        _values[shape.Ordinal(column)] = value;
        return this;
    }

    /// <summary>Text, or NULL.</summary>
    public RowBuilder Set(string column, string? value) => Set(column, value is null ? Datum.Null : Datum.Text(value));

    public RowBuilder Set(string column, long value) => Set(column, Datum.Int(value));

    public RowBuilder Set(string column, bool value) => Set(column, Datum.Bool(value));

    public RowBuilder Set(string column, double value) => Set(column, Datum.Double(value));

    /// <summary>Yes or no, as information_schema spells it.</summary>
    public RowBuilder Yes(string column, bool value) => Set(column, value ? "YES" : "NO");

    /// <summary>An array of the column's element type; vectors count from 0.</summary>
    public RowBuilder SetArray(string column, IEnumerable<Datum> values)
    {
        SqlType type = shape.Columns[shape.Ordinal(column)].Type;
        Datum[] elements = values.ToArray();
        int lowerBound = type.Name.EndsWith("vector", StringComparison.Ordinal) ? 0 : 1;
        return Set(column, Datum.Array(elements.Length == 0
            ? new DatumArray(type.Element!, [], [], [])
            : new DatumArray(type.Element!, elements, [elements.Length], [lowerBound])));
    }

    public RowBuilder SetArray(string column, IEnumerable<long> values) => SetArray(column, values.Select(Datum.Int));

    public RowBuilder SetArray(string column, IEnumerable<string> values) => SetArray(column, values.Select(Datum.Text));
}
