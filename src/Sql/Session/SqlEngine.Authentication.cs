using System.Collections.Concurrent;
using Picodata.Core;

namespace Picodata.Sql;

/// <summary>Who may log in, and what is done about wrong passwords.</summary>
public sealed partial class SqlEngine
{
    private readonly ConcurrentDictionary<string, int> failures = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public AuthenticationRequirement GetAuthentication(string user)
    {
        UserDirectory users = State.Users;
        RoleRow? role = users.Find(user);
        if (role is null || role.IsRole)
        {
            return new AuthenticationRequirement(AuthenticationMethod.Md5, Passwords.Md5OfNobody(user, secret));
        }

        if (IsLockedOut(user))
        {
            return new AuthenticationRequirement(AuthenticationMethod.Denied, "Maximum number of login attempts exceeded; user blocked");
        }

        if (!MayLogIn(users, role))
        {
            return new AuthenticationRequirement(AuthenticationMethod.Denied, $"User does not have login privilege");
        }

        return (role.Method, role.Secret.Length > 0) switch
        {
            ("md5", true) => new AuthenticationRequirement(AuthenticationMethod.Md5, role.Secret),
            ("scram-sha256", true) => new AuthenticationRequirement(AuthenticationMethod.ScramSha256, role.Secret),
            _ => new AuthenticationRequirement(AuthenticationMethod.Denied, $"user \"{user}\" has no password that can be used over this protocol"),
        };
    }

    /// <inheritdoc/>
    public void AuthenticationFinished(string user, bool succeeded)
    {
        if (State.Users.Find(user) is null)
        {
            return; // nothing is kept of names that do not exist: they could be without number
        }

        if (succeeded)
        {
            failures.TryRemove(user, out _);
        }
        else
        {
            failures.AddOrUpdate(user, 1, (_, count) => count + 1);
        }
    }

    /// <summary>ALTER USER ... LOGIN: the user may try again.</summary>
    internal void ForgiveFailures(string user) => failures.TryRemove(user, out _);

    private bool IsLockedOut(string user)
    {
        long most = State.Parameter("auth_login_attempt_max", Options.Tier).AsInt;
        return failures.TryGetValue(user, out int count) && count >= most;
    }

    private static bool MayLogIn(UserDirectory users, RoleRow user) => users.Has(user.Id, "login", "universe", 0);
}
