using Picodata.Core;

namespace Picodata.Sql.Functions;

/// <summary>Collects definitions of built-in functions, so that the lists of them read like tables.</summary>
internal sealed class FunctionBuilder
{
    private readonly List<FunctionDef> functions = [];

    internal IReadOnlyList<FunctionDef> Functions => functions;

    internal void Add(FunctionDef function) => functions.Add(function);

    internal void Unary(string name, SqlType argument, SqlType result, Func<Datum, Datum> body) =>
        functions.Add(new FunctionDef { Name = name, Parameters = [argument], Result = result, Unary = body });

    internal void Binary(string name, SqlType left, SqlType right, SqlType result, Func<Datum, Datum, Datum> body, Intrinsic intrinsic = Intrinsic.None) =>
        functions.Add(new FunctionDef { Name = name, Parameters = [left, right], Result = result, Binary = body, Intrinsic = intrinsic });

    internal void Scalar(
        string name, SqlType[] parameters, SqlType result, ScalarBody body, Volatility volatility = Volatility.Immutable, bool isStrict = true) =>
        functions.Add(new FunctionDef
        {
            Name = name, Parameters = parameters, Result = result, Body = body, Volatility = volatility, IsStrict = isStrict,
        });

    /// <summary>A function whose body depends on the types of the call.</summary>
    internal void Generic(
        string name, SqlType[] parameters, SqlType result, ScalarFactory factory, SqlType? variadic = null, bool isStrict = true, Volatility volatility = Volatility.Immutable) =>
        functions.Add(new FunctionDef
        {
            Name = name, Parameters = parameters, Result = result, Factory = factory, Variadic = variadic, IsStrict = isStrict, Volatility = volatility,
        });
}
