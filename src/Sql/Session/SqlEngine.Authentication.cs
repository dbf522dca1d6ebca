using Picodata.Core;

namespace Picodata.Sql;

/// <summary>Who may log in, and what is done about wrong passwords.</summary>
public sealed partial class SqlEngine
{
    internal LoginGuard Logins { get; } = new();

    /// <inheritdoc/>
    public AuthenticationRequirement GetAuthentication(string user)
    {
        CatalogState current = State;
        UserEntry? entry = current.Users.Find(user);
        if (entry is null || entry.IsRole)
        {
            return new AuthenticationRequirement(AuthenticationMethod.Md5, Passwords.Md5OfNobody(user, secret));
        }

        if (Logins.IsLocked(user, current.Config.Integer("auth_login_attempt_max")))
        {
            return new AuthenticationRequirement(AuthenticationMethod.Denied, "Maximum number of login attempts exceeded; user blocked");
        }

        if (!current.Users.MayLogin(entry.Id))
        {
            return new AuthenticationRequirement(AuthenticationMethod.Denied, "User does not have login privilege");
        }

        return (entry.Method, entry.Secret.Length > 0) switch
        {
            ("md5", true) => new AuthenticationRequirement(AuthenticationMethod.Md5, entry.Secret),
            ("scram-sha256", true) => new AuthenticationRequirement(AuthenticationMethod.ScramSha256, entry.Secret),
            _ => new AuthenticationRequirement(AuthenticationMethod.Denied, $"user \"{user}\" has no password that can be used over this protocol"),
        };
    }

    /// <inheritdoc/>
    public void AuthenticationFinished(string user, bool succeeded) => Logins.Finished(user, succeeded, State.Users.Find(user) is not null);
}
