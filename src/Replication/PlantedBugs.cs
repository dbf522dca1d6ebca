namespace Picodata.Replication;

/// <summary>
/// Bugs for tests that must find them; all off. A switch that stays on in a product run breaks its promises: nothing but tests may set one.
/// </summary>
internal static class PlantedBugs
{
    /// <summary>R1: a replica acknowledges what it has not synced.</summary>
    public static bool AcknowledgesBeforeSync { get; set; }

    /// <summary>R1: the primary does not count its own sync.</summary>
    public static bool ForgetsOwnSync { get; set; }

    /// <summary>R1: the primary waits for one replica of the in-sync set, not for all.</summary>
    public static bool WaitsForOneReplica { get; set; }

    /// <summary>R2: the primary commits without a member before the catalog has taken it out.</summary>
    public static bool RemovesWithoutCatalog { get; set; }

    /// <summary>R2: a member is proposed for the in-sync set before it has all that is committed.</summary>
    public static bool AddsTooEarly { get; set; }

    /// <summary>R3: a replica takes rows of any term.</summary>
    public static bool SkipsTermCheck { get; set; }

    /// <summary>R3: the promise is told and not kept over a restart.</summary>
    public static bool ForgetsPromise { get; set; }

    /// <summary>R5: leftovers of a deposed primary are taken for a prefix.</summary>
    public static bool SkipsDivergence { get; set; }

    /// <summary>R8: an instance that restarts goes on as primary of its old term.</summary>
    public static bool ResumesOldTerm { get; set; }

    /// <summary>R9: a deposed primary tells those who wait that all is well.</summary>
    public static bool AcknowledgesWhenDeposed { get; set; }
}
