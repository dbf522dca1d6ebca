namespace Picodata.ClusterUnit.Simulation;

/// <summary>Mistakes that the simulation must find; each is switched on alone. The list is kept.</summary>
[Flags]
public enum PlantedBug
{
    None = 0,

    /// <summary>A replica acknowledges what it has not synced.</summary>
    AcknowledgeBeforeSync = 1,

    /// <summary>A promise to an election does not outlive the process.</summary>
    ForgetPromise = 2,

    /// <summary>A replica takes rows of a deposed primary.</summary>
    SkipTermCheck = 4,

    /// <summary>A primary acknowledges and answers without a lease.</summary>
    ServeWithoutLease = 8,

    /// <summary>The governor does not wait for leases to run out.</summary>
    DeposeWithinLease = 16,

    /// <summary>A primary commits without a member before the catalog has taken it out of the in-sync set.</summary>
    RemoveWithoutCatalog = 32,

    /// <summary>A replica is added to the in-sync set before it has caught up, and not waited for.</summary>
    AddTooEarly = 64,

    /// <summary>A member tells its position without promising anything.</summary>
    AnswerWithoutPromise = 128,

    /// <summary>A restarted primary goes on under the reign of its former process.</summary>
    GoOnAfterRestart = 256,

    /// <summary>The catalog applies proposals whose expectations do not hold.</summary>
    ApplyWithoutComparing = 512,

    /// <summary>A primary acknowledges behind its own sync only.</summary>
    AcknowledgeAlone = 1024,

    /// <summary>The lease is counted from the arrival of the answer, and is as long as the answer was slow.</summary>
    StretchLease = 2048,

    /// <summary>A new governor grants leases and deposes without regard to its predecessor's.</summary>
    ForgetPredecessor = 4096,

    /// <summary>The leader grants leases without asking a majority.</summary>
    GrantWithoutRound = 8192,

    /// <summary>A replica keeps rows that the new primary does not have.</summary>
    KeepDivergedRows = 16384,

    /// <summary>The primary of a new reign forgets the in-sync set that it was given, and commits alone.</summary>
    ForgetInSync = 32768,
}
