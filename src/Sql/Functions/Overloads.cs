using Picodata.Core;

namespace Picodata.Sql.Functions;

/// <summary>
/// PostgreSQL's choice among functions of one name.
///
/// 1. A candidate whose parameter types are exactly the argument types wins.
/// 2. Else only candidates count to whose types every argument can be cast implicitly (unknown literals to any).
/// 3. Of these, those with most exact matches; then those with most exact or preferred types of the arguments' categories.
/// 4. Unknown arguments take the string category where a candidate has it, else the category that all have; preferred types first.
/// 5. At last, unknown arguments are taken to be of the one type that all known arguments have.
/// </summary>
internal static class Overloads
{
    internal enum Verdict { Found, None, Ambiguous }

    internal static Verdict Choose(IReadOnlyList<FunctionDef> functions, IReadOnlyList<SqlType> arguments, out ResolvedFunction? chosen)
    {
        var candidates = new List<Candidate>();
        foreach (FunctionDef function in functions)
        {
            if (Candidate.TryMake(function, arguments) is not { } candidate)
            {
                continue;
            }

            if (candidate.IsExact(arguments))
            {
                chosen = candidate.Resolve(arguments);
                return Verdict.Found;
            }

            candidates.Add(candidate);
        }

        if (candidates.Count > 1)
        {
            candidates = Narrow(candidates, arguments);
        }

        chosen = candidates.Count == 1 ? candidates[0].Resolve(arguments) : null;
        return candidates.Count == 1 ? Verdict.Found : candidates.Count == 0 ? Verdict.None : Verdict.Ambiguous;
    }

    private static List<Candidate> Narrow(List<Candidate> candidates, IReadOnlyList<SqlType> arguments)
    {
        // a signature of fixed types goes before one whose VARIADIC part covers the same arguments
        if (candidates.Exists(candidate => candidate.Function.Variadic is null))
        {
            List<Candidate> fixedOnes = candidates.FindAll(candidate => candidate.Function.Variadic is null);
            candidates = fixedOnes.Count > 0 ? fixedOnes : candidates;
        }

        candidates = KeepBest(candidates, candidate => candidate.CountExact(arguments));
        if (candidates.Count > 1)
        {
            candidates = KeepBest(candidates, candidate => candidate.CountExactOrPreferred(arguments));
        }

        if (candidates.Count > 1 && arguments.Contains(SqlType.Unknown))
        {
            candidates = NarrowByCategory(candidates, arguments);
            if (candidates.Count > 1)
            {
                candidates = NarrowByKnownType(candidates, arguments);
            }
        }

        return candidates;
    }

    private static List<Candidate> KeepBest(List<Candidate> candidates, Func<Candidate, int> count)
    {
        int best = candidates.Max(count);
        return candidates.FindAll(candidate => count(candidate) == best);
    }

    private static List<Candidate> NarrowByCategory(List<Candidate> candidates, IReadOnlyList<SqlType> arguments)
    {
        List<Candidate> left = candidates;
        for (int i = 0; i < arguments.Count; i++)
        {
            if (arguments[i] != SqlType.Unknown)
            {
                continue;
            }

            int position = i;
            char first = candidates[0].Types[i].Category;
            char category = candidates.Exists(candidate => candidate.Types[position].Category == 'S') ? 'S'
                : candidates.TrueForAll(candidate => candidate.Types[position].Category == first) ? first
                : '\0';
            if (category == '\0')
            {
                return candidates;
            }

            bool hasPreferred = candidates.Exists(candidate => candidate.Types[position].Category == category && candidate.Types[position].IsPreferred);
            left = left.FindAll(candidate =>
                candidate.Types[position].Category == category && (!hasPreferred || candidate.Types[position].IsPreferred));
        }

        return left.Count > 0 ? left : candidates;
    }

    private static List<Candidate> NarrowByKnownType(List<Candidate> candidates, IReadOnlyList<SqlType> arguments)
    {
        SqlType? known = null;
        foreach (SqlType argument in arguments)
        {
            if (argument == SqlType.Unknown)
            {
                continue;
            }

            if (known is not null && known != argument)
            {
                return candidates;
            }

            known = argument;
        }

        if (known is null)
        {
            return candidates;
        }

        SqlType[] assumed = [.. arguments.Select(_ => known)];
        List<Candidate> fitting = candidates.FindAll(candidate => Candidate.TryMake(candidate.Function, assumed) is not null);
        return fitting.Count == 1 ? fitting : candidates;
    }

    /// <summary>A function with its parameter types laid out for a number of arguments.</summary>
    private sealed class Candidate(FunctionDef function, SqlType[] types)
    {
        internal FunctionDef Function => function;

        internal SqlType[] Types => types;

        internal static Candidate? TryMake(FunctionDef function, IReadOnlyList<SqlType> arguments)
        {
            int given = arguments.Count;
            int declared = function.Parameters.Count;
            if (given < declared || (given > declared && function.Variadic is null))
            {
                return null;
            }

            var types = new SqlType[given];
            for (int i = 0; i < given; i++)
            {
                types[i] = i < declared ? function.Parameters[i] : function.Variadic!;
            }

            for (int i = 0; i < given; i++)
            {
                if (!Accepts(types[i], arguments[i]))
                {
                    return null;
                }
            }

            return Polymorphism.TryBind(types, arguments, out _, out _) ? new Candidate(function, types) : null;
        }

        private static bool Accepts(SqlType declared, SqlType given)
        {
            if (declared == given || given == SqlType.Unknown)
            {
                return true;
            }

            return declared.Category == 'P' && declared != SqlType.Record && declared != SqlType.Void
                ? declared == SqlType.AnyArray || declared == SqlType.AnyCompatibleArray ? given.IsArray
                    : declared != SqlType.AnyNonArray || !given.IsArray
                : CastTable.Find(given, declared, CastContext.Implicit) is not null;
        }

        internal bool IsExact(IReadOnlyList<SqlType> arguments)
        {
            for (int i = 0; i < types.Length; i++)
            {
                if (types[i] != arguments[i])
                {
                    return false;
                }
            }

            return true;
        }

        internal int CountExact(IReadOnlyList<SqlType> arguments)
        {
            int count = 0;
            for (int i = 0; i < types.Length; i++)
            {
                count += types[i] == arguments[i] ? 1 : 0;
            }

            return count;
        }

        internal int CountExactOrPreferred(IReadOnlyList<SqlType> arguments)
        {
            int count = 0;
            for (int i = 0; i < types.Length; i++)
            {
                bool fits = types[i] == arguments[i] || (types[i].IsPreferred && types[i].Category == arguments[i].Category);
                count += arguments[i] != SqlType.Unknown && fits ? 1 : 0;
            }

            return count;
        }

        internal ResolvedFunction Resolve(IReadOnlyList<SqlType> arguments)
        {
            Polymorphism.TryBind(types, arguments, out SqlType? element, out SqlType? compatible);
            SqlType[] actual = new SqlType[types.Length];
            for (int i = 0; i < types.Length; i++)
            {
                actual[i] = Polymorphism.Replace(types[i], arguments[i], element, compatible);
            }

            SqlType result = Polymorphism.Replace(function.Result, function.Result, element, compatible);
            return new ResolvedFunction
            {
                Definition = function,
                ArgumentTypes = actual,
                ResultType = result,
                Body = MakeBody(function, actual, result),
            };
        }

        private static ScalarBody? MakeBody(FunctionDef function, SqlType[] actual, SqlType result)
        {
            if (function.Factory is { } factory)
            {
                return factory(actual, result);
            }

            if (function.Body is not null)
            {
                return function.Body;
            }

            if (function.Binary is { } binary)
            {
                return (arguments, _) => binary(arguments[0], arguments[1]);
            }

            return function.Unary is { } unary ? (arguments, _) => unary(arguments[0]) : null;
        }
    }
}

/// <summary>Binds anyelement, anyarray and the anycompatible family to the types of a call.</summary>
internal static class Polymorphism
{
    /// <summary>False when the arguments contradict each other.</summary>
    internal static bool TryBind(SqlType[] declared, IReadOnlyList<SqlType> arguments, out SqlType? element, out SqlType? compatible)
    {
        element = null;
        compatible = null;
        List<SqlType>? family = null;
        for (int i = 0; i < declared.Length; i++)
        {
            SqlType given = arguments[i];
            bool isArray = declared[i] == SqlType.AnyArray || declared[i] == SqlType.AnyCompatibleArray;
            if (given == SqlType.Unknown || (isArray && !given.IsArray))
            {
                continue;
            }

            SqlType part = isArray ? given.Element! : given;
            if (declared[i] == SqlType.AnyElement || declared[i] == SqlType.AnyArray || declared[i] == SqlType.AnyNonArray)
            {
                if (element is not null && element != part)
                {
                    return false;
                }

                element = part;
            }
            else if (declared[i] == SqlType.AnyCompatible || declared[i] == SqlType.AnyCompatibleArray)
            {
                (family ??= []).Add(part);
            }
        }

        return family is null || TryCommon(family, out compatible);
    }

    private static bool TryCommon(List<SqlType> family, out SqlType? common)
    {
        common = family[0];
        foreach (SqlType type in family)
        {
            if (type.Category != common.Category)
            {
                return false;
            }

            if (type != common && !common.IsPreferred && CastTable.Find(common, type, CastContext.Implicit) is not null)
            {
                common = type;
            }
        }

        foreach (SqlType type in family)
        {
            if (CastTable.Find(type, common, CastContext.Implicit) is null)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The type that stands for a declared one; undetermined elements are text.</summary>
    internal static SqlType Replace(SqlType declared, SqlType given, SqlType? element, SqlType? compatible)
    {
        if (declared == SqlType.Any)
        {
            return given == SqlType.Unknown ? SqlType.Text : given;
        }

        if (declared == SqlType.AnyElement || declared == SqlType.AnyNonArray)
        {
            return element ?? SqlType.Text;
        }

        if (declared == SqlType.AnyArray)
        {
            return given.IsArray ? given : SqlType.ArrayOf(element ?? SqlType.Text);
        }

        return declared == SqlType.AnyCompatible ? compatible ?? SqlType.Text
            : declared == SqlType.AnyCompatibleArray ? SqlType.ArrayOf(compatible ?? SqlType.Text)
            : declared;
    }
}
