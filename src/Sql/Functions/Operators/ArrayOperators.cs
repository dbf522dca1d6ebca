using Picodata.Core;

namespace Picodata.Sql.Functions;

/// <summary>Containment, overlap and concatenation of arrays.</summary>
internal static class ArrayOperators
{
    internal static void Add(FunctionBuilder builder)
    {
        SqlType array = SqlType.AnyArray;
        builder.Binary("@>", array, array, SqlType.Bool, (a, b) => Datum.Bool(Contains(a.AsArray, b.AsArray)));
        builder.Binary("<@", array, array, SqlType.Bool, (a, b) => Datum.Bool(Contains(b.AsArray, a.AsArray)));
        builder.Binary("&&", array, array, SqlType.Bool, (a, b) => Datum.Bool(Overlaps(a.AsArray, b.AsArray)));
        SqlType compatible = SqlType.AnyCompatibleArray;
        builder.Generic("||", [compatible, compatible], compatible, (_, _) => (arguments, _) => ArrayFunctions.Concatenate(arguments[0], arguments[1]), isStrict: false);
        builder.Generic("||", [compatible, SqlType.AnyCompatible], compatible, (_, result) => (arguments, _) => ArrayFunctions.Append(arguments[0], arguments[1], result), isStrict: false);
        builder.Generic("||", [SqlType.AnyCompatible, compatible], compatible, (_, result) => (arguments, _) => ArrayFunctions.Prepend(arguments[0], arguments[1], result), isStrict: false);
    }

    /// <summary>Every element of <paramref name="part"/> is in <paramref name="whole"/>; NULLs are in nothing.</summary>
    private static bool Contains(DatumArray whole, DatumArray part)
    {
        HashSet<Datum>? set = whole.Elements.Length > 16 ? new HashSet<Datum>(whole.Elements, DatumComparer.Instance) : null;
        foreach (Datum element in part.Elements)
        {
            if (element.IsNull || !(set?.Contains(element) ?? Holds(whole.Elements, element)))
            {
                return false;
            }
        }

        return true;
    }

    private static bool Overlaps(DatumArray a, DatumArray b)
    {
        var set = new HashSet<Datum>(a.Elements, DatumComparer.Instance);
        return Array.Exists(b.Elements, element => !element.IsNull && set.Contains(element));
    }

    private static bool Holds(Datum[] elements, Datum wanted) =>
        Array.Exists(elements, element => !element.IsNull && DatumComparer.Equal(element, wanted));
}
