using Picodata.Core;
using Picodata.Sql.Types;

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

/// <summary>
/// PostgreSQL's pg_cast for the types that exist here, and the casts through text that every type has: to text types by
/// assignment, from text types explicitly. An unknown literal is read by its target's input, in every context.
/// One departure: int8 goes to oid and the reg types implicitly and is what integer literals are, so that comparisons of
/// catalog columns with literals find their operators.
/// </summary>
public static class CastTable
{
    private static readonly Dictionary<(uint Source, uint Target), Cast> Casts = CastList.Make();

    private static readonly System.Collections.Concurrent.ConcurrentDictionary<(uint Source, uint Target), Cast?> Derived = new();

    /// <summary>The cast from <paramref name="source"/> to <paramref name="target"/> that the context allows, or null. Same type: a cast without Apply.</summary>
    public static Cast? Find(SqlType source, SqlType target, CastContext context)
    {
        if (source == target)
        {
            return new Cast(source, target, CastContext.Implicit, null);
        }

        if (!Casts.TryGetValue((source.Oid, target.Oid), out Cast? cast))
        {
            cast = Derived.GetOrAdd((source.Oid, target.Oid), static (_, pair) => Derive(pair.source, pair.target), (source, target));
        }

        return cast is not null && cast.Context <= context ? cast : null;
    }

    /// <summary>As <see cref="Find"/>; 42846 <c>cannot cast type boolean to date</c> when there is none.</summary>
    public static Cast Get(SqlType source, SqlType target, CastContext context) =>
        Find(source, target, context)
        ?? throw new DbException(SqlStates.CannotCoerce, $"cannot cast type {source.DisplayName} to {target.DisplayName}");

    private static Cast? Derive(SqlType source, SqlType target)
    {
        if (IsPseudo(target) || (IsPseudo(source) && source != SqlType.Record && source != SqlType.Void))
        {
            return null;
        }

        if (source == SqlType.Unknown || (source.IsString && !target.IsString))
        {
            return source == SqlType.Unknown && target.IsString
                ? new Cast(source, target, CastContext.Implicit, target == SqlType.NameType ? CutName : null)
                : Parsing(source, target, source == SqlType.Unknown ? CastContext.Implicit : CastContext.Explicit);
        }

        if (target.IsString)
        {
            return Printing(source, target);
        }

        return source.IsArray && target.IsArray && target != SqlType.Int2Vector && target != SqlType.OidVector ? DeriveArray(source, target) : null;
    }

    private static bool IsPseudo(SqlType type) => type.Category == 'P';

    private static Datum CutName(Datum value, EvaluationContext context) => Datum.Text(NameCodec.Cut(value.AsText));

    private static Cast Parsing(SqlType source, SqlType target, CastContext context)
    {
        TypeCodec codec = TypeCodec.For(target);
        return new Cast(source, target, context, (value, evaluation) => codec.ParseText(value.AsText, evaluation.Types))
        {
            Volatility = DependsOnSession(target) ? Volatility.Stable : Volatility.Immutable,
        };
    }

    private static Cast Printing(SqlType source, SqlType target)
    {
        TypeCodec codec = TypeCodec.For(source);
        bool isName = target == SqlType.NameType;
        return new Cast(source, target, CastContext.Assignment, (value, evaluation) =>
        {
            string text = codec.ToText(value, evaluation.Types);
            return Datum.Text(isName ? NameCodec.Cut(text) : text);
        })
        {
            Volatility = DependsOnSession(source) ? Volatility.Stable : Volatility.Immutable,
        };
    }

    private static bool DependsOnSession(SqlType type) =>
        type.Category == 'D' || type.Name.StartsWith("reg", StringComparison.Ordinal) || (type.Element is { } element && DependsOnSession(element));

    private static Cast? DeriveArray(SqlType source, SqlType target)
    {
        Cast? element = Find(source.Element!, target.Element!, CastContext.Explicit);
        if (element is null)
        {
            return null;
        }

        SqlType type = target.Element!;
        return new Cast(source, target, element.Context, (value, evaluation) =>
        {
            DatumArray array = value.AsArray;
            Datum[] elements = Array.ConvertAll(array.Elements, item => element.Convert(item, evaluation));
            return Datum.Array(array with { ElementType = type, Elements = elements });
        })
        {
            Volatility = element.Volatility,
        };
    }

    /// <summary>
    /// The type that all branches of CASE, COALESCE, UNION, VALUES, ARRAY[] or IN can be brought to, by PostgreSQL's rules (unknown
    /// alone becomes text). 42804 <c>CASE types boolean and bigint cannot be matched</c>.
    /// </summary>
    public static SqlType CommonType(IReadOnlyList<SqlType> types, string construct)
    {
        SqlType? common = null;
        foreach (SqlType type in types)
        {
            if (type == SqlType.Unknown || type == common)
            {
                continue;
            }

            if (common is null)
            {
                common = type;
            }
            else if (type.Category != common.Category)
            {
                throw NoMatch(construct, common, type);
            }
            else if (!common.IsPreferred && Find(common, type, CastContext.Implicit) is not null
                && Find(type, common, CastContext.Implicit) is null)
            {
                common = type;
            }
        }

        if (common is null)
        {
            return SqlType.Text;
        }

        foreach (SqlType type in types)
        {
            if (type != SqlType.Unknown && Find(type, common, CastContext.Implicit) is null)
            {
                throw NoMatch(construct, common, type);
            }
        }

        return common;
    }

    private static DbException NoMatch(string construct, SqlType left, SqlType right) =>
        new(SqlStates.DatatypeMismatch, $"{construct} types {left.DisplayName} and {right.DisplayName} cannot be matched");

    /// <summary>
    /// Applies a type modifier to a non-null value of its type: numeric(p,s) rounds (22003 <c>numeric field overflow</c>), timestamp(p) and
    /// time(p) round, varchar(n) and char(n) cut when <paramref name="isExplicit"/>, else 22001. -1 changes nothing.
    /// </summary>
    public static Datum ApplyModifier(SqlType type, int modifier, in Datum value, bool isExplicit)
    {
        if (modifier < 0 || value.IsNull)
        {
            return value;
        }

        return type.Kind switch
        {
            DatumKind.Numeric => Datum.Numeric(FitNumeric(value.AsNumeric, modifier)),
            DatumKind.Timestamp => Datum.Timestamp(Calendar.IsFinite(value.AsMicroseconds) ? RoundMicros(value.AsMicroseconds, modifier) : value.AsMicroseconds),
            DatumKind.Time => Datum.Time(RoundMicros(value.AsMicroseconds, modifier)),
            DatumKind.Text when type == SqlType.Varchar || type == SqlType.Bpchar => Datum.Text(FitText(type, value.AsText, modifier - 4, isExplicit)),
            _ => value,
        };
    }

    private static Numeric FitNumeric(Numeric value, int modifier)
    {
        int precision = ((modifier - 4) >> 16) & 0xffff;
        int scale = (((modifier - 4) & 0x7ff) ^ 1024) - 1024;
        if (value.IsNaN)
        {
            return value;
        }

        Numeric rounded = value.Round(scale);
        Numeric limit = Numeric.Parse("1e" + (precision - scale).ToString(System.Globalization.CultureInfo.InvariantCulture));
        if (rounded.Abs() >= limit)
        {
            throw new DbException(
                SqlStates.NumericValueOutOfRange,
                "numeric field overflow",
                $"A field with precision {precision}, scale {scale} must round to an absolute value less than {(precision == scale ? "1" : $"10^{precision - scale}")}.");
        }

        return rounded;
    }

    private static long RoundMicros(long micros, int digits)
    {
        if (digits >= 6)
        {
            return micros;
        }

        long unit = (long)Math.Pow(10, 6 - digits);
        long rest = ((micros % unit) + unit) % unit;
        return micros - rest + (rest * 2 >= unit ? unit : 0);
    }

    private static string FitText(SqlType type, string text, int length, bool isExplicit)
    {
        int units = 0;
        int characters = 0;
        foreach (System.Text.Rune rune in text.EnumerateRunes())
        {
            if (characters == length)
            {
                return isExplicit || text.AsSpan(units).IndexOfAnyExcept(' ') < 0
                    ? text[..units]
                    : throw new DbException(SqlStates.StringDataRightTruncation, $"value too long for type {type.DisplayName}({length})");
            }

            units += rune.Utf16SequenceLength;
            characters++;
        }

        return type == SqlType.Bpchar ? text + new string(' ', length - characters) : text;
    }
}
