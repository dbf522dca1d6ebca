using Xunit;

namespace Picodata.ClusterUnit.Simulation;

/// <summary>Many clusters, each under its own seed. <c>PICODATA_SEED</c> repeats one.</summary>
public sealed class SimulationTests
{
    private static ClusterSimulation Run(int seed, PlantedBug bugs = PlantedBug.None)
    {
        (int instances, int factor) = (seed % 4) switch { 0 => (3, 2), 1 => (3, 3), 2 => (4, 2), _ => (5, 3) };
        var simulation = new ClusterSimulation(seed, instances, factor, bugs);
        simulation.Run(TimeSpan.FromSeconds(8));
        return simulation;
    }

    [Fact]
    public void Acknowledged_rows_survive_and_one_answers_at_a_time()
    {
        int first = int.TryParse(Environment.GetEnvironmentVariable("PICODATA_SEED"), out int one) ? one : 1;
        int count = one != 0 ? 1 : 200;
        for (int seed = first; seed < first + count; seed++)
        {
            Run(seed);
        }
    }
}
