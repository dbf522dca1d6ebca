using Picodata.Core;

namespace Picodata.Sql.Functions;

/// <summary>row_number, ranks, ntile, and values of other rows of the partition or frame.</summary>
internal static class WindowFunctions
{
    internal static void Add(FunctionBuilder builder)
    {
        Define(builder, "row_number", [], SqlType.Int8, (_, row) => Datum.Int(row + 1L));
        Define(builder, "rank", [], SqlType.Int8, (rows, row) => Datum.Int(rows.PeerStart(row) + 1L));
        Define(builder, "dense_rank", [], SqlType.Int8, (rows, row) => Datum.Int(rows.PeerGroup(row) + 1L));
        Define(builder, "percent_rank", [], SqlType.Float8, (rows, row) =>
            Datum.Double(rows.Count <= 1 ? 0 : rows.PeerStart(row) / (rows.Count - 1.0)));
        Define(builder, "cume_dist", [], SqlType.Float8, (rows, row) => Datum.Double(rows.PeerEnd(row) / (double)rows.Count));
        Define(builder, "ntile", [SqlType.Int8], SqlType.Int4, Ntile);
        foreach ((string name, int sign) in new[] { ("lag", -1), ("lead", 1) })
        {
            Define(builder, name, [SqlType.AnyElement], SqlType.AnyElement, (rows, row) => Shifted(rows, row, (long)sign, false));
            Define(builder, name, [SqlType.AnyElement, SqlType.Int8], SqlType.AnyElement, (rows, row) => Offset(rows, row, sign, false));
            Define(builder, name, [SqlType.AnyCompatible, SqlType.Int8, SqlType.AnyCompatible], SqlType.AnyCompatible, (rows, row) => Offset(rows, row, sign, true));
        }

        Define(builder, "first_value", [SqlType.AnyElement], SqlType.AnyElement, (rows, row) =>
            rows.FrameStart(row) < rows.FrameEnd(row) ? rows.Argument(rows.FrameStart(row), 0) : Datum.Null);
        Define(builder, "last_value", [SqlType.AnyElement], SqlType.AnyElement, (rows, row) =>
            rows.FrameStart(row) < rows.FrameEnd(row) ? rows.Argument(rows.FrameEnd(row) - 1, 0) : Datum.Null);
        Define(builder, "nth_value", [SqlType.AnyElement, SqlType.Int8], SqlType.AnyElement, NthValue);
    }

    private static void Define(FunctionBuilder builder, string name, SqlType[] parameters, SqlType result, WindowBody body) =>
        builder.Add(new FunctionDef
        {
            Name = name, Kind = FunctionKind.Window, Parameters = parameters, Result = result, Window = body, IsStrict = false,
        });

    private static Datum Ntile(IWindowRows rows, int row)
    {
        Datum buckets = rows.Argument(row, 0);
        if (buckets.IsNull)
        {
            return Datum.Null;
        }

        if (buckets.AsInt <= 0)
        {
            throw new DbException("22014", "argument of ntile must be greater than zero");
        }

        long size = rows.Count / buckets.AsInt;
        long larger = rows.Count % buckets.AsInt;
        long inLarger = larger * (size + 1);
        return Datum.Int(row < inLarger ? row / (size + 1) + 1 : larger + (row - inLarger) / Math.Max(1, size) + 1);
    }

    private static Datum Offset(IWindowRows rows, int row, int sign, bool hasDefault)
    {
        Datum offset = rows.Argument(row, 1);
        return offset.IsNull ? Datum.Null : Shifted(rows, row, Math.Clamp(offset.AsInt, -int.MaxValue, int.MaxValue) * sign, hasDefault);
    }

    private static Datum Shifted(IWindowRows rows, int row, long distance, bool hasDefault)
    {
        long target = row + distance;
        return target >= 0 && target < rows.Count ? rows.Argument((int)target, 0)
            : hasDefault ? rows.Argument(row, 2)
            : Datum.Null;
    }

    private static Datum NthValue(IWindowRows rows, int row)
    {
        Datum position = rows.Argument(row, 1);
        if (position.IsNull)
        {
            return Datum.Null;
        }

        if (position.AsInt <= 0)
        {
            throw new DbException("22016", "argument of nth_value must be greater than zero");
        }

        long target = rows.FrameStart(row) + position.AsInt - 1;
        return target < rows.FrameEnd(row) ? rows.Argument((int)target, 0) : Datum.Null;
    }
}
