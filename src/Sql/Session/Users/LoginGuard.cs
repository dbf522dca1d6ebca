namespace Picodata.Sql;

/// <summary>
/// Counts failed log-ins of each user on this instance (<c>auth_login_attempt_max</c>): a user who failed too often is refused
/// until <c>ALTER USER ... LOGIN</c> or a restart. A success forgets the failures. Thread-safe.
/// </summary>
internal sealed class LoginGuard
{
    private readonly Dictionary<string, int> failures = new(StringComparer.Ordinal);
    private readonly Lock gate = new();

    /// <param name="max">0: never locked.</param>
    public bool IsLocked(string user, long max)
    {
        lock (gate)
        {
            return max > 0 && failures.GetValueOrDefault(user) >= max;
        }
    }

    /// <param name="isKnown">Names of nobody are not counted, so that guessing names costs no memory.</param>
    public void Finished(string user, bool succeeded, bool isKnown)
    {
        lock (gate)
        {
            if (succeeded)
            {
                failures.Remove(user);
            }
            else if (isKnown)
            {
                failures[user] = failures.GetValueOrDefault(user) + 1;
            }
        }
    }

    public void Unlock(string user)
    {
        lock (gate)
        {
            failures.Remove(user);
        }
    }
}
