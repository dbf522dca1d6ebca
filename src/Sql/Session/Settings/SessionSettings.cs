using Picodata.Core;
using Picodata.Sql.Types;

namespace Picodata.Sql;

/// <summary>
/// The settings of one session, with the transaction's hold on them:
/// T1 SET inside a transaction is taken back when the transaction (or the savepoint before it) is rolled back;
/// T2 SET LOCAL is taken back when the transaction ends, however it ends;
/// T3 clients are told the new value of a reported setting whenever it changes, by either way.
/// Names with a dot are the user's own and hold any text.
/// </summary>
internal sealed class SessionSettings
{
    private readonly Dictionary<string, string> values = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, string> sessionDefaults = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<Change> changes = [];
    private readonly HashSet<string> toReport = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Settings that text forms of values depend on, kept up to date.</summary>
    public TypeContext Types { get; } = new();

    /// <summary>Position to come back to with <see cref="RollbackTo"/>.</summary>
    public int Mark => changes.Count;

    /// <summary>Value as it is stored (numbers in the setting's unit); null when there is no such setting.</summary>
    public string? TryGet(string name) =>
        values.GetValueOrDefault(name) ?? sessionDefaults.GetValueOrDefault(name) ?? SettingDef.TryFind(name)?.Default;

    /// <summary>Value of a setting that exists.</summary>
    public string Get(string name) => TryGet(name) ?? SettingDef.Find(name).Default;

    public bool GetBool(string name) => Get(name) == "on";

    /// <summary>Milliseconds of a time limit; zero for none.</summary>
    public TimeSpan GetTime(string name) => TimeSpan.FromMilliseconds(double.Parse(Get(name), System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>As SHOW prints it; 42704 for unknown names.</summary>
    public string Show(string name) => SettingDef.TryFind(name) is { } setting
        ? setting.Show(Get(setting.Name))
        : TryGet(name) ?? throw new DbException(SqlStates.UndefinedObject, $"unrecognized configuration parameter \"{name}\"");

    /// <summary>Sets what the session begins with (start-up packet, server): RESET goes back to it.</summary>
    public void SetStartup(string name, string value)
    {
        (string key, string normalized) = Checked(name, value);
        sessionDefaults[key] = normalized;
        Apply(key, normalized);
    }

    /// <summary>Gives a read-only setting its value.</summary>
    public void SetFixed(string name, string value) => sessionDefaults[SettingDef.Find(name).Name] = value;

    /// <param name="value">Null: back to the default.</param>
    /// <param name="isLocal">Until the end of the transaction.</param>
    public void Set(string name, string? value, bool isLocal)
    {
        (string key, string? normalized) = value is null ? (Known(name), null) : Checked(name, value);
        Store(key, normalized, isLocal);
    }

    /// <summary>RESET ALL.</summary>
    public void ResetAll()
    {
        foreach (string name in values.Keys.ToArray())
        {
            if (SettingDef.TryFind(name)?.Name is not ("transaction_isolation" or "transaction_read_only" or "transaction_deferrable"))
            {
                Store(name, null, isLocal: false);
            }
        }
    }

    /// <summary>The transaction was committed: T2.</summary>
    public void Commit()
    {
        for (int i = changes.Count - 1; i >= 0; i--)
        {
            if (changes[i].IsLocal && !SetAgainLater(i))
            {
                Restore(changes[i]);
            }
        }

        changes.Clear();
    }

    /// <summary>The transaction was rolled back: T1, T2.</summary>
    public void Rollback() => RollbackTo(0);

    /// <summary>A savepoint was rolled back to.</summary>
    public void RollbackTo(int mark)
    {
        for (int i = changes.Count - 1; i >= mark; i--)
        {
            Restore(changes[i]);
        }

        changes.RemoveRange(mark, changes.Count - mark);
    }

    /// <summary>Names and values that clients must be told now; empties the list.</summary>
    public IEnumerable<(string Name, string Value)> TakeReports()
    {
        if (toReport.Count == 0)
        {
            return [];
        }

        (string, string)[] reports = toReport.Select(name => (name, Show(name))).ToArray();
        toReport.Clear();
        return reports;
    }

    /// <summary>All settings that are reported at the start of a session.</summary>
    public IReadOnlyDictionary<string, string> Reported() =>
        SettingDef.All.Where(setting => setting.IsReported).ToDictionary(setting => setting.Name, setting => Show(setting.Name));

    /// <summary>True when a session-wide SET of the same name came later: a SET LOCAL before it has no hold any more.</summary>
    private bool SetAgainLater(int index)
    {
        for (int i = index + 1; i < changes.Count; i++)
        {
            if (!changes[i].IsLocal && changes[i].Name == changes[index].Name)
            {
                return true;
            }
        }

        return false;
    }

    private static string Known(string name) => name.Contains('.') ? name : SettingDef.Find(name).Name;

    private static (string Key, string Value) Checked(string name, string value)
    {
        if (name.Contains('.'))
        {
            return (name, value);
        }

        SettingDef setting = SettingDef.Find(name);
        return (setting.Name, setting.Normalize(value));
    }

    private void Store(string key, string? value, bool isLocal)
    {
        changes.Add(new Change(key, values.GetValueOrDefault(key), isLocal));
        if (value is null)
        {
            values.Remove(key);
        }
        else
        {
            values[key] = value;
        }

        Apply(key, TryGet(key) ?? "");
    }

    private void Restore(Change change)
    {
        if (change.OldValue is null)
        {
            values.Remove(change.Name);
        }
        else
        {
            values[change.Name] = change.OldValue;
        }

        Apply(change.Name, TryGet(change.Name) ?? "");
    }

    /// <summary>Grows with every change, so that values derived from settings can be kept.</summary>
    public int Version { get; private set; }

    private void Apply(string name, string value)
    {
        Version++;
        switch (name)
        {
            case "TimeZone":
                Types.TimeZone = SessionTimeZone.Find(value, plainNumberIsEast: true);
                break;
            case "DateStyle":
                Types.DateOrder = value.EndsWith("DMY", StringComparison.Ordinal) ? DateOrder.Dmy
                    : value.EndsWith("YMD", StringComparison.Ordinal) ? DateOrder.Ymd
                    : DateOrder.Mdy;
                break;
            case "bytea_output":
                Types.ByteaOutput = value == "escape" ? ByteaOutput.Escape : ByteaOutput.Hex;
                break;
            case "extra_float_digits":
                Types.ExtraFloatDigits = int.Parse(value, System.Globalization.CultureInfo.InvariantCulture);
                break;
        }

        if (SettingDef.TryFind(name) is { IsReported: true })
        {
            toReport.Add(name);
        }
    }

    private sealed record Change(string Name, string? OldValue, bool IsLocal);
}
