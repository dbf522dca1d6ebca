using System.Globalization;
using System.Text;
using Picodata.Core;
using Picodata.Sql.Types;

namespace Picodata.Sql.Functions;

/// <summary>Functions that read and build JSON.</summary>
internal static class JsonFunctions
{
    internal static void Add(FunctionBuilder builder)
    {
        foreach ((string prefix, SqlType json) in new[] { ("json", SqlType.Json), ("jsonb", SqlType.Jsonb) })
        {
            bool isBinary = json == SqlType.Jsonb;
            AddReading(builder, prefix, json, isBinary);
            AddBuilding(builder, prefix, json, isBinary);
            AddSets(builder, prefix, json, isBinary);
        }

        builder.Generic("row_to_json", [SqlType.Record], SqlType.Json, (types, _) => (a, context) => Datum.Text(Write(types[0], a[0], context)), volatility: Volatility.Stable);
        builder.Generic("array_to_json", [SqlType.AnyArray], SqlType.Json, (types, _) => (a, context) => Datum.Text(Write(types[0], a[0], context)), volatility: Volatility.Stable);
        builder.Scalar("jsonb_pretty", [SqlType.Jsonb], SqlType.Text, (a, _) => Datum.Text(Pretty(JsonText.Parse(a[0].AsText))));
    }

    private static void AddReading(FunctionBuilder builder, string prefix, SqlType json, bool isBinary)
    {
        builder.Generic($"{prefix}_extract_path", [json], json, (_, _) => (a, _) =>
            JsonOperators.AsJson(a[0], JsonOperators.Follow(JsonOperators.Parse(a[0]), a[1..]), isBinary), SqlType.Text);
        builder.Generic($"{prefix}_extract_path_text", [json], SqlType.Text, (_, _) => (a, _) =>
            JsonOperators.AsText(a[0], JsonOperators.Follow(JsonOperators.Parse(a[0]), a[1..]), isBinary), SqlType.Text);
        builder.Unary($"{prefix}_typeof", json, SqlType.Text, a => Datum.Text(JsonOperators.Parse(a).Kind switch
        {
            JsonKind.Bool => "boolean",
            JsonKind kind => kind.ToString().ToLowerInvariant(),
        }));
        builder.Unary($"{prefix}_array_length", json, SqlType.Int4, a => JsonOperators.Parse(a) is { Kind: JsonKind.Array } array
            ? Datum.Int(array.Items.Count)
            : throw new DbException(SqlStates.InvalidParameterValue, $"cannot get array length of a {(JsonOperators.Parse(a).Kind == JsonKind.Object ? "non-array" : "scalar")}"));
        builder.Unary($"{prefix}_strip_nulls", json, json, a => Datum.Text(Compact(StripNulls(JsonOperators.Parse(a)), isBinary)));
    }

    private static JsonNode StripNulls(JsonNode node) => node.Kind switch
    {
        JsonKind.Object => new JsonNode
        {
            Kind = JsonKind.Object,
            Members = [.. node.Members.Where(member => member.Value.Kind != JsonKind.Null).Select(member => (member.Key, StripNulls(member.Value)))],
        },
        JsonKind.Array => new JsonNode { Kind = JsonKind.Array, Items = [.. node.Items.Select(StripNulls)] },
        _ => node,
    };

    private static string Compact(JsonNode node, bool isBinary)
    {
        if (isBinary)
        {
            return node.ToNormalText();
        }

        return node.Kind switch
        {
            JsonKind.Object => "{" + string.Join(",", node.Members.Select(member => JsonText.Quote(member.Key) + ":" + Compact(member.Value, false))) + "}",
            JsonKind.Array => "[" + string.Join(",", node.Items.Select(item => Compact(item, false))) + "]",
            JsonKind.String => JsonText.Quote(node.Text),
            JsonKind.Number => node.Text,
            _ => node.ToNormalText(),
        };
    }

    private static void AddBuilding(FunctionBuilder builder, string prefix, SqlType json, bool isBinary)
    {
        builder.Generic($"to_{prefix}", [SqlType.AnyElement], json, (types, _) => (a, context) => Finish(Write(types[0], a[0], context), isBinary), volatility: Volatility.Stable);
        builder.Generic($"{prefix}_build_array", [], json, (types, _) => (a, context) =>
        {
            var text = new StringBuilder("[");
            for (int i = 0; i < a.Length; i++)
            {
                text.Append(i > 0 ? ", " : "").Append(Write(types[i], a[i], context));
            }

            return Finish(text.Append(']').ToString(), isBinary);
        }, SqlType.Any, isStrict: false, Volatility.Stable);
        builder.Generic($"{prefix}_build_object", [], json, (types, _) => (a, context) => Finish(BuildObject(types, a, context), isBinary), SqlType.Any, isStrict: false, Volatility.Stable);
    }

    private static Datum Finish(string text, bool isBinary) => Datum.Text(isBinary ? JsonText.Parse(text).ToNormalText() : text);

    private static string BuildObject(IReadOnlyList<SqlType> types, ReadOnlySpan<Datum> arguments, EvaluationContext context)
    {
        if (arguments.Length % 2 != 0)
        {
            throw new DbException(SqlStates.InvalidParameterValue, "argument list must have even number of elements", hint: "The arguments of json_build_object() must consist of alternating keys and values.");
        }

        var text = new StringBuilder("{");
        for (int i = 0; i < arguments.Length; i += 2)
        {
            if (arguments[i].IsNull)
            {
                throw new DbException(SqlStates.InvalidParameterValue, $"argument {i + 1} cannot be null", hint: "Object keys should be text.");
            }

            text.Append(i > 0 ? ", " : "").Append(JsonText.Quote(TextFunctions.Printer(types[i])(arguments[i], context)));
            text.Append(" : ").Append(Write(types[i + 1], arguments[i + 1], context));
        }

        return text.Append('}').ToString();
    }

    /// <summary>A value as JSON text: numbers and booleans bare, json as it is, arrays and rows nested, everything else as a string.</summary>
    internal static string Write(SqlType type, in Datum value, EvaluationContext context)
    {
        if (value.IsNull)
        {
            return "null";
        }

        switch (value.Kind)
        {
            case DatumKind.Bool:
                return value.AsBool ? "true" : "false";
            case DatumKind.Int when type.IsInteger:
                return value.AsInt.ToString(CultureInfo.InvariantCulture);
            case DatumKind.Numeric or DatumKind.Double:
                string number = TypeCodec.For(type.Kind == value.Kind ? type : RecordCodec.TypeOf(value)).ToText(value, context.Types);
                return char.IsAsciiDigit(number[^1]) ? number : JsonText.Quote(number);
            case DatumKind.Array:
                int next = 0;
                return value.AsArray.Lengths.Length == 0 ? "[]" : WriteDimension(type.Element!, value.AsArray, 0, ref next, context);
            case DatumKind.Record:
                return WriteRecord(value.AsRecord, context);
            case DatumKind.Text when type == SqlType.Json || type == SqlType.Jsonb:
                return value.AsText;
            case DatumKind.Date or DatumKind.Timestamp:
                return JsonText.Quote(TypeCodec.For(type).ToText(value, context.Types).Replace(' ', 'T'));
            default:
                return JsonText.Quote(TextFunctions.Printer(type)(value, context));
        }
    }

    private static string WriteRecord(Datum[] fields, EvaluationContext context)
    {
        var text = new StringBuilder("{");
        for (int i = 0; i < fields.Length; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"{(i > 0 ? "," : "")}\"f{i + 1}\":{Write(RecordCodec.TypeOf(fields[i]), fields[i], context)}");
        }

        return text.Append('}').ToString();
    }

    private static string WriteDimension(SqlType element, DatumArray array, int dimension, ref int next, EvaluationContext context)
    {
        var text = new StringBuilder("[");
        for (int i = 0; i < array.Lengths[dimension]; i++)
        {
            text.Append(i > 0 ? "," : "");
            text.Append(dimension + 1 < array.Lengths.Length
                ? WriteDimension(element, array, dimension + 1, ref next, context)
                : Write(element, array.Elements[next++], context));
        }

        return text.Append(']').ToString();
    }

    private static void AddSets(FunctionBuilder builder, string prefix, SqlType json, bool isBinary)
    {
        builder.Add(Set($"{prefix}_array_elements", json, json, [("value", json)], (source, node) =>
            Items(node).Select(item => new[] { JsonOperators.AsJson(source, item, isBinary) })));
        builder.Add(Set($"{prefix}_array_elements_text", json, SqlType.Text, [("value", SqlType.Text)], (source, node) =>
            Items(node).Select(item => new[] { JsonOperators.AsText(source, item, isBinary) })));
        builder.Add(Set($"{prefix}_object_keys", json, SqlType.Text, null, (_, node) =>
            Members(node, isBinary).Select(member => new[] { Datum.Text(member.Key) })));
        builder.Add(Set($"{prefix}_each", json, SqlType.Record, [("key", SqlType.Text), ("value", json)], (source, node) =>
            Members(node, isBinary).Select(member => new[] { Datum.Text(member.Key), JsonOperators.AsJson(source, member.Value, isBinary) })));
        builder.Add(Set($"{prefix}_each_text", json, SqlType.Record, [("key", SqlType.Text), ("value", SqlType.Text)], (source, node) =>
            Members(node, isBinary).Select(member => new[] { Datum.Text(member.Key), JsonOperators.AsText(source, member.Value, isBinary) })));
    }

    private static FunctionDef Set(
        string name, SqlType parameter, SqlType result, IReadOnlyList<(string, SqlType)>? columns, Func<Datum, JsonNode, IEnumerable<Datum[]>> rows) =>
        new()
        {
            Name = name, Kind = FunctionKind.Set, Parameters = [parameter], Result = result, Columns = columns,
            Set = (arguments, _) => rows(arguments[0], JsonOperators.Parse(arguments[0])),
        };

    private static List<JsonNode> Items(JsonNode node) => node.Kind == JsonKind.Array
        ? node.Items
        : throw new DbException(SqlStates.InvalidParameterValue, $"cannot extract elements from {(node.Kind == JsonKind.Object ? "an object" : "a scalar")}");

    private static IEnumerable<(string Key, JsonNode Value)> Members(JsonNode node, bool isBinary) => node.Kind == JsonKind.Object
        ? isBinary ? node.SortedMembers() : node.Members
        : throw new DbException(SqlStates.InvalidParameterValue, $"cannot deconstruct {(node.Kind == JsonKind.Array ? "an array as an object" : "a scalar")}");

    private static string Pretty(JsonNode node)
    {
        var text = new StringBuilder();
        AppendPretty(text, node, 0);
        return text.ToString();
    }

    private static void AppendPretty(StringBuilder text, JsonNode node, int depth)
    {
        if (node.Kind is not (JsonKind.Object or JsonKind.Array))
        {
            text.Append(node.ToNormalText());
            return;
        }

        bool isObject = node.Kind == JsonKind.Object;
        text.Append(isObject ? '{' : '[');
        bool any = false;
        foreach ((string key, JsonNode value) in isObject ? node.SortedMembers() : node.Items.Select(item => ("", item)))
        {
            text.Append(any ? "," : "").Append('\n').Append(' ', (depth + 1) * 4).Append(isObject ? JsonText.Quote(key) + ": " : "");
            AppendPretty(text, value, depth + 1);
            any = true;
        }

        text.Append('\n').Append(' ', depth * 4).Append(isObject ? '}' : ']');
    }
}
