namespace Picodata.Storage.Files;

/// <summary>
/// Blocks in the order of the file, scanned by the caller's thread and decoded ahead by others. What the scanner met
/// between blocks appears as a block without size whose <see cref="LogBlock.Problem"/> is set.
/// </summary>
internal sealed class BlockPipeline(BlockScanner scanner, BlockDecoder decoder, int parallelism) : IDisposable
{
    // bytes of units that are decoded or wait, beyond the one that is being given
    private const long MaxAhead = 64 << 20;

    private readonly Queue<Task<BlockUnit>> ahead = new();
    private readonly Stack<BlockUnit> spare = new();
    private readonly List<LogProblem> remarks = [];
    private readonly LogBlock gap = new();
    private BlockUnit? unit;
    private int nextBlock;
    private long bytesAhead;
    private bool scanned;

    public LogBlock? Current { get; private set; }

    /// <summary>The end of the file, once it was reached.</summary>
    public LogEnd? End { get; private set; }

    public TailSearch Tail => scanner.Tail;

    /// <summary>Goes to the next block; what the one before gave is invalid from here on.</summary>
    public bool MoveNext()
    {
        Current = null;
        while (Current is null && MoveToUnit())
        {
            if (nextBlock < unit!.Count)
            {
                Current = unit[nextBlock++];
            }
            else
            {
                LeaveUnit();
            }
        }

        return Current is not null;
    }

    /// <summary>Remarks of the scanner up to here, each given once.</summary>
    public IReadOnlyList<LogProblem> TakeRemarks()
    {
        LogProblem[] taken = [.. remarks];
        remarks.Clear();
        return taken;
    }

    /// <summary>Goes on at another offset; decoded blocks that were not given are dropped.</summary>
    public void Restart(long offset)
    {
        DropAhead();
        scanner.Position = offset;
        scanned = false;
        End = null;

        // the current unit's rows may still be in use until the next step: only its rest is given up
        nextBlock = unit?.Count ?? 0;
        abandonsUnit = true;
    }

    /// <summary>Gives nothing more.</summary>
    public void Stop()
    {
        DropAhead();
        scanned = true;
        nextBlock = unit?.Count ?? 0;
        abandonsUnit = true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        DropAhead();
        unit?.Dispose();
        while (spare.TryPop(out BlockUnit? idle))
        {
            idle.Dispose();
        }

        decoder.Dispose();
    }

    // true when what the scanner met behind the current unit does not count any more
    private bool abandonsUnit;

    private bool MoveToUnit()
    {
        if (unit is not null)
        {
            return true;
        }

        FillAhead();
        if (!ahead.TryDequeue(out Task<BlockUnit>? next))
        {
            return false;
        }

        unit = next.GetAwaiter().GetResult();
        bytesAhead -= unit.StoredLength;
        nextBlock = 0;
        abandonsUnit = false;
        FillAhead();
        return true;
    }

    private void LeaveUnit()
    {
        BlockUnit left = unit!;
        unit = null;
        if (!abandonsUnit)
        {
            remarks.AddRange(left.Remarks);
            End = left.End;
            if (left.Problem is not null)
            {
                gap.SetPlace(left.Problem.Offset, 0, false, 0);
                gap.Problem = left.Problem;
                Current = gap;
            }
        }

        spare.Push(left);
    }

    private void FillAhead()
    {
        int wanted = parallelism == 0 ? 1 : parallelism * 2;
        while (!scanned && ahead.Count < wanted && (ahead.Count == 0 || bytesAhead < MaxAhead) && (unit is null || parallelism > 0))
        {
            BlockUnit next = spare.TryPop(out BlockUnit? idle) ? idle : new BlockUnit();
            scanner.Scan(next);
            scanned = next.End is not null || next.Problem is not null;
            bytesAhead += next.StoredLength;
            ahead.Enqueue(parallelism == 0 ? Task.FromResult(decoder.Decode(next)) : Task.Run(() => decoder.Decode(next)));
        }
    }

    private void DropAhead()
    {
        while (ahead.TryDequeue(out Task<BlockUnit>? task))
        {
            // a decoding thread works on the unit's buffers until it is done; a failure of what is dropped does not matter
            ((IAsyncResult)task).AsyncWaitHandle.WaitOne();
            if (task.IsCompletedSuccessfully)
            {
                spare.Push(task.Result);
            }
        }

        bytesAhead = 0;
    }
}
