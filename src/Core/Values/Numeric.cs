using System.Numerics;

namespace Picodata.Core;

/// <summary>
/// An exact decimal: <c>Unscaled * 10^-Scale</c>, with NaN as the only special value. Tarantool's files hold at most 38
/// digits; larger intermediate results are allowed and refused with 22003 when they are stored.
/// </summary>
public sealed partial class Numeric
{
    public Numeric(BigInteger unscaled, int scale)
    {
        Unscaled = unscaled;
        Scale = scale;
    }

    public BigInteger Unscaled { get; }

    /// <summary>Digits behind the point that are shown; never negative.</summary>
    public int Scale { get; }
}
