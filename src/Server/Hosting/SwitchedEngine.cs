using Picodata.Core;
using Picodata.Sql;

namespace Picodata.Server;

/// <summary>
/// The SQL engine of an instance whose role changes: it is there while the instance is primary. Without one, log-ins are refused with 57P03.
/// The engine stays its owner's to dispose of.
/// </summary>
internal sealed class SwitchedEngine : ISqlEngine
{
    private volatile ISqlEngine? current;

    /// <summary>The engine in charge, or null.</summary>
    public ISqlEngine? Current
    {
        get => current;
        set => current = value;
    }

    private ISqlEngine Engine => current ?? throw new DbException(SqlStates.CannotConnectNow, "the instance does not run sessions at this moment", hint: "it starts, or its role changes; connect again");

    public AuthenticationRequirement GetAuthentication(string user) => Engine.GetAuthentication(user);

    public void AuthenticationFinished(string user, bool succeeded) => current?.AuthenticationFinished(user, succeeded);

    public ISqlSession OpenSession(SessionOptions options) => Engine.OpenSession(options);

    public void CancelSession(int processId) => current?.CancelSession(processId);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
