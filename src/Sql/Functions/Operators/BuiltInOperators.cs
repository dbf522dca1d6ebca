using Picodata.Core;

namespace Picodata.Sql.Functions;

/// <summary>The lists of operators.</summary>
internal static class BuiltInOperators
{
    internal static IReadOnlyList<FunctionDef> MakeBinary()
    {
        var builder = new FunctionBuilder();
        ComparisonOperators.Add(builder);
        NumberOperators.AddBinary(builder);
        DateTimeOperators.Add(builder);
        TextOperators.Add(builder);
        ArrayOperators.Add(builder);
        JsonOperators.Add(builder);
        return builder.Functions;
    }

    internal static IReadOnlyList<FunctionDef> MakePrefix()
    {
        var builder = new FunctionBuilder();
        NumberOperators.AddPrefix(builder);
        return builder.Functions;
    }
}
