using Picodata.Core;
using Picodata.Sql;
using Xunit;

namespace Picodata.Unit.Sql.Session;

public sealed class SessionSettingsTests
{
    private readonly SessionSettings settings = new();

    private string Refusal(string name, string value, string state)
    {
        DbException refused = Assert.Throws<DbException>(() => settings.Set(name, value, isLocal: false));
        Assert.Equal(state, refused.SqlState);
        return refused.Message;
    }

    [Theory]
    [InlineData("statement_timeout", "5s", "5s")]
    [InlineData("statement_timeout", "90000", "90s")]
    [InlineData("statement_timeout", "1500ms", "1500ms")]
    [InlineData("statement_timeout", "1.5min", "90s")]
    [InlineData("statement_timeout", "0", "0")]
    [InlineData("work_mem", "64MB", "64MB")]
    [InlineData("escape_string_warning", "of", "off")]
    [InlineData("escape_string_warning", "T", "on")]
    [InlineData("intervalstyle", "ISO_8601", "iso_8601")]
    [InlineData("datestyle", "european", "ISO, DMY")]
    [InlineData("client_encoding", "utf-8", "UTF8")]
    [InlineData("synchronous_commit", "true", "on")]
    [InlineData("my.own", "anything", "anything")]
    public void Values_are_shown_as_PostgreSQL_shows_them(string name, string value, string shown)
    {
        settings.Set(name, value, isLocal: false);
        Assert.Equal(shown, settings.Show(name));
    }

    [Fact]
    public void Bad_values_are_refused_in_PostgreSQLs_words()
    {
        Assert.Equal("unrecognized configuration parameter \"nothing\"", Refusal("nothing", "1", "42704"));
        Assert.Equal("parameter \"row_security\" requires a Boolean value", Refusal("row_security", "maybe", "22023"));
        Assert.Equal("invalid value for parameter \"statement_timeout\": \"soon\"", Refusal("statement_timeout", "soon", "22023"));
        Assert.Equal("-1 ms is outside the valid range for parameter \"statement_timeout\" (0 ms .. 2147483647 ms)", Refusal("statement_timeout", "-1", "22023"));
        Assert.Equal("invalid value for parameter \"TimeZone\": \"Nowhere/Land\"", Refusal("timezone", "Nowhere/Land", "22023"));
        Assert.Equal("parameter \"server_version\" cannot be changed", Refusal("server_version", "16", "55P02"));
    }

    [Fact]
    public void A_rolled_back_transaction_takes_its_settings_back()
    {
        settings.Set("work_mem", "1MB", isLocal: false);
        settings.Commit();
        settings.Set("work_mem", "2MB", isLocal: false);
        settings.Set("work_mem", "3MB", isLocal: true);
        settings.Rollback();
        Assert.Equal("1MB", settings.Show("work_mem"));
    }

    [Fact]
    public void A_local_setting_ends_with_its_transaction()
    {
        settings.Set("work_mem", "2MB", isLocal: false);
        settings.Set("work_mem", "3MB", isLocal: true);
        Assert.Equal("3MB", settings.Show("work_mem"));
        settings.Commit();
        Assert.Equal("2MB", settings.Show("work_mem"));
    }

    [Fact]
    public void A_session_wide_SET_after_a_local_one_stays()
    {
        settings.Set("work_mem", "3MB", isLocal: true);
        settings.Set("work_mem", "2MB", isLocal: false);
        settings.Commit();
        Assert.Equal("2MB", settings.Show("work_mem"));
    }

    [Fact]
    public void A_savepoint_takes_back_what_came_after_it()
    {
        settings.Set("work_mem", "2MB", isLocal: false);
        int mark = settings.Mark;
        settings.Set("work_mem", "3MB", isLocal: false);
        settings.RollbackTo(mark);
        Assert.Equal("2MB", settings.Show("work_mem"));
        settings.Rollback();
        Assert.Equal("4MB", settings.Show("work_mem"));
    }

    [Fact]
    public void Reported_settings_are_told_when_they_change_either_way()
    {
        Assert.Empty(settings.TakeReports());
        settings.Set("timezone", "Europe/Paris", isLocal: true);
        Assert.Equal([("TimeZone", "Europe/Paris")], settings.TakeReports());
        settings.Commit();
        Assert.Equal([("TimeZone", "UTC")], settings.TakeReports());
        settings.Set("work_mem", "1MB", isLocal: false);
        Assert.Empty(settings.TakeReports());
    }

    [Fact]
    public void Reset_goes_back_to_what_the_session_began_with()
    {
        settings.SetStartup("application_name", "start");
        settings.Set("application_name", "later", isLocal: false);
        settings.ResetAll();
        Assert.Equal("start", settings.Show("application_name"));
    }
}
