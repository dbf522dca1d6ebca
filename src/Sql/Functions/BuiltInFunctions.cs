namespace Picodata.Sql.Functions;

/// <summary>The lists of built-in functions.</summary>
internal static class BuiltInFunctions
{
    internal static IReadOnlyList<FunctionDef> Make()
    {
        var builder = new FunctionBuilder();
        TextFunctions.Add(builder);
        TextSearchFunctions.Add(builder);
        QuotingFunctions.Add(builder);
        BinaryFunctions.Add(builder);
        MathFunctions.Add(builder);
        DateTimeFunctions.Add(builder);
        DateTimeParts.Add(builder);
        FormattingFunctions.Add(builder);
        ArrayFunctions.Add(builder);
        JsonFunctions.Add(builder);
        SessionFunctions.Add(builder);
        SetFunctions.Add(builder);
        Aggregates.Add(builder);
        StatisticAggregates.Add(builder);
        WindowFunctions.Add(builder);
        return builder.Functions;
    }
}
