using Picodata.Core;
using Picodata.Sql.Types;

namespace Picodata.Sql.Functions;

/// <summary>Access to members and elements, containment, concatenation and removal of JSON values.</summary>
internal static class JsonOperators
{
    internal static void Add(FunctionBuilder builder)
    {
        SqlType texts = SqlType.ArrayOf(SqlType.Text);
        foreach (SqlType json in new[] { SqlType.Json, SqlType.Jsonb })
        {
            bool isBinary = json == SqlType.Jsonb;
            builder.Binary("->", json, SqlType.Text, json, (a, b) => AsJson(a, Parse(a).Member(b.AsText), isBinary));
            builder.Binary("->", json, SqlType.Int8, json, (a, b) => AsJson(a, Parse(a).Item(b.AsInt), isBinary));
            builder.Binary("->>", json, SqlType.Text, SqlType.Text, (a, b) => AsText(a, Parse(a).Member(b.AsText), isBinary));
            builder.Binary("->>", json, SqlType.Int8, SqlType.Text, (a, b) => AsText(a, Parse(a).Item(b.AsInt), isBinary));
            builder.Binary("#>", json, texts, json, (a, b) => AsJson(a, Follow(Parse(a), b.AsArray.Elements), isBinary));
            builder.Binary("#>>", json, texts, SqlType.Text, (a, b) => AsText(a, Follow(Parse(a), b.AsArray.Elements), isBinary));
        }

        AddJsonb(builder, texts);
    }

    private static void AddJsonb(FunctionBuilder builder, SqlType texts)
    {
        SqlType json = SqlType.Jsonb;
        builder.Binary("@>", json, json, SqlType.Bool, (a, b) => Datum.Bool(Contains(Parse(a), Parse(b), true)));
        builder.Binary("<@", json, json, SqlType.Bool, (a, b) => Datum.Bool(Contains(Parse(b), Parse(a), true)));
        builder.Binary("?", json, SqlType.Text, SqlType.Bool, (a, b) => Datum.Bool(HasKey(Parse(a), b.AsText)));
        builder.Binary("?|", json, texts, SqlType.Bool, (a, b) =>
        {
            JsonNode node = Parse(a);
            return Datum.Bool(Array.Exists(b.AsArray.Elements, key => !key.IsNull && HasKey(node, key.AsText)));
        });
        builder.Binary("?&", json, texts, SqlType.Bool, (a, b) =>
        {
            JsonNode node = Parse(a);
            return Datum.Bool(Array.TrueForAll(b.AsArray.Elements, key => key.IsNull || HasKey(node, key.AsText)));
        });
        builder.Binary("||", json, json, json, (a, b) => Normal(Concatenate(Parse(a), Parse(b))));
        builder.Binary("-", json, SqlType.Text, json, (a, b) => Normal(Without(Parse(a), b.AsText)));
        builder.Binary("-", json, SqlType.Int8, json, (a, b) => Normal(WithoutItem(Parse(a), b.AsInt)));
    }

    internal static JsonNode Parse(in Datum value) => JsonText.Parse(value.AsText);

    private static Datum Normal(JsonNode node) => Datum.Text(node.ToNormalText());

    /// <summary>The found node as JSON: for json its own text, for jsonb the normal form; NULL when there is none.</summary>
    internal static Datum AsJson(in Datum source, JsonNode? node, bool isBinary) =>
        node is null ? Datum.Null : Datum.Text(isBinary ? node.ToNormalText() : source.AsText[node.Source]);

    /// <summary>The found node as text: strings without quotes, JSON null is NULL.</summary>
    internal static Datum AsText(in Datum source, JsonNode? node, bool isBinary) =>
        node is null || node.Kind == JsonKind.Null ? Datum.Null
        : node.Kind == JsonKind.String ? Datum.Text(node.Text)
        : AsJson(source, node, isBinary);

    /// <summary>Goes down keys and positions; null when a step finds nothing.</summary>
    internal static JsonNode? Follow(JsonNode? node, ReadOnlySpan<Datum> path)
    {
        foreach (ref readonly Datum step in path)
        {
            if (step.IsNull)
            {
                return null;
            }

            node = node?.Kind switch
            {
                JsonKind.Object => node.Member(step.AsText),
                JsonKind.Array when long.TryParse(step.AsText, System.Globalization.CultureInfo.InvariantCulture, out long index) => node.Item(index),
                _ => null,
            };
        }

        return node;
    }

    private static bool HasKey(JsonNode node, string key) => node.Kind switch
    {
        JsonKind.Object => node.Member(key) is not null,
        JsonKind.Array => node.Items.Exists(item => item.Kind == JsonKind.String && item.Text == key),
        JsonKind.String => node.Text == key,
        _ => false,
    };

    private static bool Contains(JsonNode whole, JsonNode part, bool isTop)
    {
        if (whole.Kind == JsonKind.Array && part.Kind == JsonKind.Array)
        {
            return part.Items.TrueForAll(wanted => whole.Items.Exists(item => item.Kind == wanted.Kind && Contains(item, wanted, false)));
        }

        if (whole.Kind == JsonKind.Object && part.Kind == JsonKind.Object)
        {
            return part.Members.TrueForAll(member => whole.Member(member.Key) is { } value && Contains(value, member.Value, false));
        }

        // an array at the top may contain a bare scalar
        return isTop && whole.Kind == JsonKind.Array && part.Kind is not (JsonKind.Object or JsonKind.Array)
            ? whole.Items.Exists(item => item.ValueEquals(part))
            : whole.ValueEquals(part);
    }

    private static JsonNode Concatenate(JsonNode left, JsonNode right)
    {
        if (left.Kind == JsonKind.Object && right.Kind == JsonKind.Object)
        {
            return new JsonNode { Kind = JsonKind.Object, Members = [.. left.Members, .. right.Members] };
        }

        List<JsonNode> first = left.Kind == JsonKind.Array ? left.Items : [left];
        List<JsonNode> second = right.Kind == JsonKind.Array ? right.Items : [right];
        return new JsonNode { Kind = JsonKind.Array, Items = [.. first, .. second] };
    }

    private static JsonNode Without(JsonNode node, string key) => node.Kind switch
    {
        JsonKind.Object => new JsonNode { Kind = JsonKind.Object, Members = node.Members.FindAll(member => member.Key != key) },
        JsonKind.Array => new JsonNode { Kind = JsonKind.Array, Items = node.Items.FindAll(item => item.Kind != JsonKind.String || item.Text != key) },
        _ => throw new DbException(SqlStates.InvalidParameterValue, "cannot delete from scalar"),
    };

    private static JsonNode WithoutItem(JsonNode node, long index)
    {
        if (node.Kind != JsonKind.Array)
        {
            throw new DbException(SqlStates.InvalidParameterValue, node.Kind == JsonKind.Object ? "cannot delete from object using integer index" : "cannot delete from scalar");
        }

        JsonNode? removed = node.Item(index);
        return new JsonNode { Kind = JsonKind.Array, Items = node.Items.FindAll(item => !ReferenceEquals(item, removed)) };
    }

    /// <summary>A total order of jsonb values that agrees with equality by value.</summary>
    internal static int Compare(string left, string right)
    {
        return string.Equals(left, right, StringComparison.Ordinal) ? 0 : Compare(JsonText.Parse(left), JsonText.Parse(right));
    }

    private static int Compare(JsonNode left, JsonNode right)
    {
        if (left.Kind != right.Kind)
        {
            return Rank(left).CompareTo(Rank(right));
        }

        switch (left.Kind)
        {
            case JsonKind.Bool:
                return left.Bool.CompareTo(right.Bool);
            case JsonKind.Number:
                return Numeric.Compare(Numeric.Parse(left.Text), Numeric.Parse(right.Text));
            case JsonKind.String:
                return DatumComparer.CompareText(left.Text, right.Text);
            case JsonKind.Array:
                return CompareItems(left.Items, right.Items);
            case JsonKind.Object:
                return CompareMembers([.. left.SortedMembers()], [.. right.SortedMembers()]);
            default:
                return 0;
        }
    }

    /// <summary>Object above array above boolean above number above string above null.</summary>
    private static int Rank(JsonNode node) => node.Kind switch
    {
        JsonKind.Object => 5,
        JsonKind.Array => node.Items.Count == 0 ? -1 : 4,
        JsonKind.Bool => 3,
        JsonKind.Number => 2,
        JsonKind.String => 1,
        _ => 0,
    };

    private static int CompareItems(List<JsonNode> left, List<JsonNode> right)
    {
        int order = left.Count.CompareTo(right.Count);
        for (int i = 0; order == 0 && i < left.Count; i++)
        {
            order = Compare(left[i], right[i]);
        }

        return order;
    }

    private static int CompareMembers((string Key, JsonNode Value)[] left, (string Key, JsonNode Value)[] right)
    {
        int order = left.Length.CompareTo(right.Length);
        for (int i = 0; order == 0 && i < left.Length; i++)
        {
            order = DatumComparer.CompareText(left[i].Key, right[i].Key);
            order = order == 0 ? Compare(left[i].Value, right[i].Value) : order;
        }

        return order;
    }
}
