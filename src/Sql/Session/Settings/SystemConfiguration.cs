using System.Collections.Immutable;
using Picodata.Core;
using Picodata.Sql.Parsing;
using Picodata.Storage;
using Picodata.Storage.Files;

namespace Picodata.Sql;

/// <summary>
/// The values of ALTER SYSTEM at one moment, read from <c>_pico_db_config</c>; immutable. Changing statements write rows through a
/// transaction; after its commit the engine loads anew and applies them, so that a change takes effect
/// without a restart and is in effect again after one.
/// </summary>
internal sealed class SystemConfiguration
{
    private readonly ImmutableDictionary<(string Name, string Scope), Datum> values;
    private readonly string tier;

    private SystemConfiguration(ImmutableDictionary<(string, string), Datum> values, string tier)
    {
        this.values = values;
        this.tier = tier;
    }

    public static SystemConfiguration Load(Transaction transaction, string tier)
    {
        var values = ImmutableDictionary.CreateBuilder<(string, string), Datum>();
        SystemRows.ForEach(transaction, PicoSystemTables.DbConfig, tuple =>
        {
            var reader = new MsgPackReader(tuple);
            reader.ReadArrayHead();
            values[(reader.ReadString(), reader.ReadString())] = ReadValue(ref reader);
        });
        return new SystemConfiguration(values.ToImmutable(), tier);
    }

    /// <summary>Rows of a new directory: every parameter with its default.</summary>
    public static void PutDefaults(Transaction transaction, string tier, WalMode walMode)
    {
        foreach (SystemParameter parameter in SystemParameter.All)
        {
            Datum value = parameter.Name == "wal_mode" ? Datum.Text(walMode.ToString().ToLowerInvariant()) : parameter.DefaultValue;
            Put(transaction, parameter, parameter.IsOfTier ? tier : "", value);
        }
    }

    public Datum this[string name]
    {
        get
        {
            SystemParameter parameter = SystemParameter.Find(name);
            return values.TryGetValue((parameter.Name, parameter.IsOfTier ? tier : ""), out Datum value) ? value : parameter.DefaultValue;
        }
    }

    public long Integer(string name) => this[name].AsInt;

    public bool Bool(string name) => this[name].AsBool;

    /// <summary>A time limit in seconds; zero for none.</summary>
    public TimeSpan Seconds(string name) => this[name] is { Kind: DatumKind.Double } value
        ? TimeSpan.FromSeconds(Math.Min(value.AsDouble, 1e9))
        : TimeSpan.FromSeconds(Math.Min(this[name].AsInt, 1_000_000_000));

    public PasswordPolicy PasswordPolicy => new(
        (int)Math.Min(int.MaxValue, Integer("auth_password_length_min")),
        Bool("auth_password_enforce_uppercase"),
        Bool("auth_password_enforce_lowercase"),
        Bool("auth_password_enforce_digits"),
        Bool("auth_password_enforce_specialchars"));

    /// <summary>
    /// Runs ALTER SYSTEM SET or RESET inside of a transaction.
    /// </summary>
    /// <param name="value">Value of SET; null for DEFAULT and RESET.</param>
    public void Execute(Transaction transaction, AlterSystemStatement statement, Datum? value)
    {
        if (statement.Tier is { } other && other != tier)
        {
            throw new DbException(SqlStates.UndefinedObject, $"specified tier '{other}' doesn't exist");
        }

        if (statement.IsReset && statement.Name.Equals("all", StringComparison.OrdinalIgnoreCase))
        {
            foreach (SystemParameter parameter in SystemParameter.All.Where(parameter => !parameter.IsReadOnly))
            {
                Put(transaction, parameter, parameter.IsOfTier ? tier : "", parameter.DefaultValue);
            }

            return;
        }

        SystemParameter changed = SystemParameter.Find(statement.Name);
        if (!changed.IsOfTier && (statement.Tier is not null || statement.IsAllTiers))
        {
            throw new DbException(SqlStates.InvalidParameterValue, $"parameter with global scope can not be configured for tier: '{changed.Name}'");
        }

        Put(transaction, changed, changed.IsOfTier ? tier : "", value is { } given ? changed.Check(given) : changed.Check(changed.DefaultValue));
    }

    private static void Put(Transaction transaction, SystemParameter parameter, string scope, Datum value) =>
        SystemRows.Put(transaction, PicoSystemTables.DbConfig, SystemRows.Of(parameter.Name), SystemRows.Of(scope), SystemRows.Of(value));

    private static Datum ReadValue(ref MsgPackReader reader)
    {
        if (reader.TryReadBoolean(out bool flag))
        {
            return Datum.Bool(flag);
        }

        if (reader.TryReadInt64(out long number))
        {
            return Datum.Int(number);
        }

        return reader.PeekKind() == MsgPackKind.String ? Datum.Text(reader.ReadString())
            : reader.TryReadDouble(out double real) ? Datum.Double(real)
            : Datum.Null;
    }
}
