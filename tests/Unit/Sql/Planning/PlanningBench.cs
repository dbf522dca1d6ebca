using System.Diagnostics;
using Picodata.Sql;
using Picodata.Sql.Functions;
using Picodata.Sql.Parsing;
using Picodata.Sql.Types;
using Xunit;

namespace Picodata.Unit.Sql.Planning;

/// <summary>How long short statements take before they run; to be started by hand (<c>-explicit only</c>).</summary>
public sealed class PlanningBench(ITestOutputHelper output)
{
    [Theory(Explicit = true)]
    [InlineData("SELECT total FROM orders WHERE id = 12345")]
    [InlineData("UPDATE orders SET total = total + 17 WHERE id = 12345")]
    [InlineData("INSERT INTO tiny (a, b, c) VALUES (1, true, 2.5)")]
    [InlineData("SELECT c.name, o.total FROM customers c JOIN orders o ON o.customer_id = c.id WHERE c.id = 5")]
    public void Time_to_parse_bind_and_plan(string sql)
    {
        const int Rounds = 20_000;
        var context = new EvaluationContext(new TypeContext());
        (double Parse, double Bind, double Plan) best = (double.MaxValue, double.MaxValue, double.MaxValue);
        for (int repeat = 0; repeat < 5; repeat++)
        {
            long start = Stopwatch.GetTimestamp();
            Statement statement = null!;
            for (int i = 0; i < Rounds; i++)
            {
                statement = SqlParser.ParseStatement(sql);
            }

            long parsed = Stopwatch.GetTimestamp();
            BoundStatement bound = null!;
            for (int i = 0; i < Rounds; i++)
            {
                bound = new Binder(TestCatalog.Snapshot, FunctionTable.BuiltIn, context).Bind(statement);
            }

            long boundAt = Stopwatch.GetTimestamp();
            for (int i = 0; i < Rounds; i++)
            {
                TestCatalog.Plan(bound);
            }

            long end = Stopwatch.GetTimestamp();
            best = (Math.Min(best.Parse, Micros(parsed - start, Rounds)), Math.Min(best.Bind, Micros(boundAt - parsed, Rounds)), Math.Min(best.Plan, Micros(end - boundAt, Rounds)));
        }

        output.WriteLine($"parse {best.Parse:F2} us, bind {best.Bind:F2} us, plan {best.Plan:F2} us: {sql}");
    }

    private static double Micros(long ticks, int rounds) => ticks * 1e6 / Stopwatch.Frequency / rounds;
}
