using Picodata.Core;

namespace Picodata.Sql.Functions;

/// <summary>Where a cast is asked for; each context allows the casts of those before it.</summary>
public enum CastContext : byte { Implicit, Assignment, Explicit }

/// <summary>A way from one type to another.</summary>
/// <param name="Source">Type of the value.</param>
/// <param name="Target">Type wanted.</param>
/// <param name="Context">Weakest context that allows it.</param>
/// <param name="Apply">Converts a non-null value; null when nothing is to be done (binary coercible).</param>
public sealed record Cast(SqlType Source, SqlType Target, CastContext Context, Func<Datum, EvaluationContext, Datum>? Apply)
{
    /// <summary>Immutable casts of constants may be folded.</summary>
    public Volatility Volatility { get; init; }

    /// <summary>Converts a value; NULL stays NULL.</summary>
    public Datum Convert(in Datum value, EvaluationContext context) => value.IsNull || Apply is null ? value : Apply(value, context);
}

/// <summary>PostgreSQL's pg_cast for the types that exist here, and the casts through text that every type has.</summary>
public static class CastTable
{
    /// <summary>The cast from <paramref name="source"/> to <paramref name="target"/> that the context allows, or null. Same type: a cast without Apply.</summary>
    public static Cast? Find(SqlType source, SqlType target, CastContext context) => throw new NotImplementedException();

    /// <summary>As <see cref="Find"/>; 42846 <c>cannot cast type boolean to date</c> when there is none.</summary>
    public static Cast Get(SqlType source, SqlType target, CastContext context) => throw new NotImplementedException();

    /// <summary>
    /// The type that all branches of CASE, COALESCE, UNION, VALUES, ARRAY[] or IN can be brought to, by PostgreSQL's rules (unknown
    /// alone becomes text). 42804 <c>CASE types boolean and bigint cannot be matched</c>.
    /// </summary>
    public static SqlType CommonType(IReadOnlyList<SqlType> types, string construct) => throw new NotImplementedException();

    /// <summary>
    /// Applies a type modifier to a non-null value of its type: numeric(p,s) rounds (22003 <c>numeric field overflow</c>), timestamp(p) and
    /// time(p) round, varchar(n) and char(n) cut when <paramref name="isExplicit"/>, else 22001. -1 changes nothing.
    /// </summary>
    public static Datum ApplyModifier(SqlType type, int modifier, in Datum value, bool isExplicit) => throw new NotImplementedException();
}
