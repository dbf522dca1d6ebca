using Npgsql;
using Xunit;

namespace Picodata.EndToEnd;

/// <summary>One instance for all tests of a class.</summary>
public sealed class SharedInstance : IAsyncLifetime
{
    private readonly TempDirectory _directory = new();
    private InstanceProcess? _instance;

    internal InstanceProcess Instance => _instance!;

    public async ValueTask InitializeAsync() => _instance = await InstanceProcess.StartAsync(_directory.Sub("i1"));

    public ValueTask DisposeAsync()
    {
        _instance?.Dispose();
        _directory.Dispose();
        return default;
    }

    /// <summary>A data source with pooling and other options.</summary>
    internal NpgsqlDataSource DataSource(string more = "") =>
        NpgsqlDataSource.Create($"Host=127.0.0.1;Port={Instance.PgPort};Username=admin;Password={InstanceProcess.AdminPassword};Database=postgres;Include Error Detail=true;{more}");
}
