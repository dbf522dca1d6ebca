using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Sockets;

namespace Picodata.Server;

/// <summary>
/// Writers that move money between accounts. Each transfer is one transaction: two balances change and one row goes into
/// the ledger. A transfer counts as acknowledged when COMMIT was answered; its number is kept outside of the database.
///
/// What must hold in every state that the database ever shows or comes back with:
/// D1 every acknowledged transfer is in the ledger;
/// D2 the balances sum up to what they began with (no transfer is half there);
/// D3 every account's balance is what the ledger says.
/// </summary>
internal sealed class TransferLoad(int writers)
{
    private const int Accounts = 1000;
    private const long FirstBalance = 1000;

    private readonly ConcurrentDictionary<long, bool> acknowledged = new();
    private long nextTransfer;

    /// <summary>Transfers whose COMMIT was answered.</summary>
    public int Acknowledged => acknowledged.Count;

    /// <summary>The acknowledged transfers of this moment, to be looked for later.</summary>
    public IReadOnlyCollection<long> AcknowledgedNow() => acknowledged.Keys.ToArray();

    public static async Task PrepareAsync(DemoInstance instance, CancellationToken cancel)
    {
        using PgClient client = await instance.ConnectAsync(cancel);
        await client.QueryAsync("CREATE TABLE account (id BIGINT PRIMARY KEY, balance BIGINT NOT NULL)", cancel);
        await client.QueryAsync("CREATE TABLE ledger (id BIGINT PRIMARY KEY, source BIGINT NOT NULL, target BIGINT NOT NULL, amount BIGINT NOT NULL)", cancel);
        await client.QueryAsync($"INSERT INTO account SELECT id, {FirstBalance} FROM generate_series(1, {Accounts}) AS g(id)", cancel);
    }

    /// <summary>Writes until told to stop, or until the instance is gone.</summary>
    public Task RunAsync(DemoInstance instance, CancellationToken stop) =>
        Task.WhenAll(Enumerable.Range(0, writers).Select(number => Task.Run(() => WriteAsync(instance, new Random(number), stop), CancellationToken.None)));

    /// <summary>What is wrong with the state of an instance; empty when D1-D3 hold.</summary>
    /// <param name="expected">Transfers that must be there.</param>
    public static async Task<IReadOnlyList<string>> CheckAsync(DemoInstance instance, IReadOnlyCollection<long> expected, CancellationToken cancel)
    {
        using PgClient client = await instance.ConnectAsync(cancel);
        var problems = new List<string>();
        IReadOnlyList<PgResult> ledger = await client.QueryAsync("SELECT id FROM ledger", cancel);
        HashSet<long> present = ledger[0].Rows.Select(row => long.Parse(row[0]!, CultureInfo.InvariantCulture)).ToHashSet();
        int missing = expected.Count(id => !present.Contains(id));
        if (missing > 0)
        {
            problems.Add($"{missing} acknowledged transfers are missing");
        }

        string? sum = await client.ScalarAsync("SELECT sum(balance) FROM account", cancel);
        if (sum != (Accounts * FirstBalance).ToString(CultureInfo.InvariantCulture))
        {
            problems.Add($"balances sum up to {sum} instead of {Accounts * FirstBalance}");
        }

        string? wrong = await client.ScalarAsync(
            $"""
            SELECT count(*) FROM account a
            LEFT JOIN (SELECT source AS id, sum(amount) AS total FROM ledger GROUP BY source) s ON s.id = a.id
            LEFT JOIN (SELECT target AS id, sum(amount) AS total FROM ledger GROUP BY target) t ON t.id = a.id
            WHERE a.balance <> {FirstBalance} - coalesce(s.total, 0) + coalesce(t.total, 0)
            """,
            cancel);
        if (wrong != "0")
        {
            problems.Add($"{wrong} accounts disagree with the ledger");
        }

        return problems;
    }

    private async Task WriteAsync(DemoInstance instance, Random random, CancellationToken stop)
    {
        try
        {
            using PgClient client = await instance.ConnectAsync(CancellationToken.None);
            while (!stop.IsCancellationRequested)
            {
                await TransferAsync(client, random);
            }
        }
        catch (Exception problem) when (problem is IOException or SocketException)
        {
            // The instance was killed: what was acknowledged until here is what counts.
        }
    }

    private async Task TransferAsync(PgClient client, Random random)
    {
        long id = Interlocked.Increment(ref nextTransfer);
        int source = random.Next(Accounts) + 1;
        int target = random.Next(Accounts) + 1;
        int amount = random.Next(100);
        try
        {
            await client.QueryAsync(
                $"""
                BEGIN;
                UPDATE account SET balance = balance - {amount} WHERE id = {source};
                UPDATE account SET balance = balance + {amount} WHERE id = {target};
                INSERT INTO ledger VALUES ({id}, {source}, {target}, {amount});
                COMMIT
                """,
                CancellationToken.None);
            acknowledged[id] = true;
        }
        catch (PgServerException problem) when (problem.SqlState is "40P01" or "40001")
        {
            await client.QueryAsync("ROLLBACK", CancellationToken.None);
        }
    }
}
