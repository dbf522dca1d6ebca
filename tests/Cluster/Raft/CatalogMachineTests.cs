using System.Collections.Immutable;
using CsCheck;
using Picodata.Cluster;
using Xunit;

namespace Picodata.ClusterUnit.Raft;

/// <summary>The state machine by its numbered promises (src/Cluster/Catalog/CatalogMachine.cs).</summary>
public sealed class CatalogMachineTests
{
    private static readonly Gen<CatalogProposal> Proposals =
        from id in Gen.Int[0, 60]
        from expected in Gen.Select(Gen.Int[0, 1], Gen.Int[0, 4], Gen.Long[0, 12]).List[0, 2]
        from changes in Gen.Select(Gen.Int[0, 1], Gen.Int[0, 4], Gen.Byte.Array[0, 6], Gen.Bool).List[0, 3]
        select new CatalogProposal(
            new Guid(id, 0, 0, new byte[8]),
            [.. expected.Select(e => new CatalogExpectation($"t{e.Item1}", $"k{e.Item2}", e.Item3))],
            [.. changes.Select(c => new CatalogChange($"t{c.Item1}", $"k{c.Item2}", c.Item4 ? (ReadOnlyMemory<byte>?)c.Item3 : null))]);

    private static CatalogProposal Put(int id, string key, long expected, byte value) =>
        new(new Guid(id, 1, 0, new byte[8]), [new CatalogExpectation("t", key, expected)], [new CatalogChange("t", key, new[] { value })]);

    [Fact]
    public void Equal_commands_give_equal_images_and_results_also_across_a_snapshot() =>
        Gen.Select(Proposals.Array[0, 80], Gen.Int[0, 80]).Sample((commands, cut) =>
        {
            CatalogMachine one = new(), other = new();
            for (int i = 0; i < commands.Length; i++)
            {
                if (i == cut)
                {
                    byte[] snapshot = CatalogSnapshot.Encode(other);
                    other = new CatalogMachine();
                    CatalogSnapshot.Restore(other, snapshot);
                    Assert.Equal(snapshot, CatalogSnapshot.Encode(other));
                }
                long index = (i * 2) + 1;
                (ProposalResult result, CatalogEffect effect) = one.Apply(index, 3, commands[i]);
                CatalogImage before = other.Image;
                Assert.Equal(result, other.Apply(index, 3, CatalogCommand.Decode(CatalogCommand.Encode(commands[i]))).Result);
                Assert.Equal(one.Image.Hash, other.Image.Hash);
                Assert.Equal(one.Image.Hash, effect.ApplyTo(before).Hash);
            }
            Assert.Equal(CatalogSnapshot.Encode(one), CatalogSnapshot.Encode(other));
        }, iter: 300);

    [Fact]
    public void A_proposal_changes_what_a_plain_dictionary_with_versions_says() =>
        Proposals.Array[0, 60].Sample(commands =>
        {
            var machine = new CatalogMachine();
            Dictionary<(string, string), (string Bytes, long Version)> model = [];
            Dictionary<Guid, bool> seen = [];
            for (int index = 1; index <= commands.Length; index++)
            {
                CatalogProposal command = commands[index - 1];
                bool holds = command.Expected.All(e => model.GetValueOrDefault((e.Table, e.Key)).Version == e.Version);
                if (!seen.TryGetValue(command.Id, out bool applied))
                {
                    seen[command.Id] = applied = holds;
                    foreach (CatalogChange change in holds ? command.Changes : [])
                    {
                        if (change.Tuple is { } tuple)
                            model[(change.Table, change.Key)] = (Convert.ToHexString(tuple.Span), index);
                        else
                            model.Remove((change.Table, change.Key));
                    }
                }
                Assert.Equal(applied, machine.Apply(index, 1, command).Result.IsApplied);
            }
            var found = machine.Image.Rows.Values.SelectMany(rows => rows.Values).ToDictionary(row => (row.Table, row.Key), row => (Convert.ToHexString(row.Tuple.Span), row.Version));
            Assert.Equal(model.OrderBy(pair => pair.Key), found.OrderBy(pair => pair.Key));
        }, iter: 300);

    [Fact]
    public void A_repeated_id_gets_the_first_result_until_the_window_has_passed()
    {
        var machine = new CatalogMachine();
        ProposalResult first = machine.Apply(1, 1, Put(0, "a", 0, 1)).Result;
        Assert.Equal(first, machine.Apply(2, 1, Put(0, "a", 0, 1)).Result);
        for (int i = 1; i < CatalogMachine.RememberedIds; i++)
            machine.Apply(i + 2, 1, Put(i, "b" + i, 0, 1));
        Assert.Equal(first, machine.Apply(5000, 1, Put(0, "a", 0, 1)).Result);
        machine.Apply(5001, 1, Put(9999, "z", 0, 1));
        // forgotten: the expectation, which its own first application made stale, refuses it
        Assert.Equal(new ProposalResult(false, 5002), machine.Apply(5002, 1, Put(0, "a", 0, 1)).Result);
    }

    [Fact]
    public void The_hash_tells_another_value_index_or_term()
    {
        ulong Hash(long index, long term, byte value)
        {
            var machine = new CatalogMachine();
            machine.Apply(index, term, Put(1, "a", 0, value));
            return machine.Image.Hash;
        }
        Assert.Equal(4, new[] { Hash(1, 1, 1), Hash(1, 1, 2), Hash(2, 1, 1), Hash(1, 2, 1) }.Distinct().Count());
    }

    [Fact]
    public void Every_flipped_bit_and_every_cut_of_a_snapshot_is_refused()
    {
        var machine = new CatalogMachine();
        for (int i = 0; i < 5; i++)
            machine.Apply(i + 1, 1, Put(i, "k" + i, 0, (byte)i));
        byte[] whole = CatalogSnapshot.Encode(machine);
        Assert.True(CatalogSnapshot.IsWhole(whole));
        for (int bit = 0; bit < whole.Length * 8; bit++)
        {
            byte[] bad = (byte[])whole.Clone();
            bad[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(CatalogSnapshot.IsWhole(bad));
        }
        for (int length = 0; length < whole.Length; length++)
            Assert.Throws<InvalidDataException>(() => CatalogSnapshot.Restore(new CatalogMachine(), whole.AsSpan(0, length)));
    }

    [Fact]
    public void Bytes_that_are_no_command_are_refused_and_never_read_out_of_bounds()
    {
        byte[] good = CatalogCommand.Encode(Put(7, "key", 4, 9));
        for (int length = 0; length < good.Length; length++)
            Assert.Throws<InvalidDataException>(() => CatalogCommand.Decode(good.AsSpan(0, length)));
        byte[] newer = (byte[])good.Clone();
        newer[1] = 2;
        Assert.Contains("encoding 2", Assert.Throws<InvalidDataException>(() => CatalogCommand.Decode(newer)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => CatalogCommand.Encode(new CatalogProposal(Guid.Empty, [], [new CatalogChange("t", "k", new byte[CatalogCommand.MaxBytes])])));
    }

    [Fact]
    public async Task A_board_wakes_those_whose_index_was_passed_and_never_goes_back()
    {
        var board = new ImageBoard();
        Task<CatalogImage> near = board.WaitReachedAsync(2, CancellationToken.None).AsTask(), far = board.WaitBeyondAsync(2, CancellationToken.None).AsTask();
        Assert.True(board.Publish(CatalogImage.Empty with { Index = 2 }));
        Assert.Equal(2, (await near).Index);
        Assert.False(far.IsCompleted);
        Assert.False(board.Publish(CatalogImage.Empty with { Index = 1 }));
        Assert.Equal(2, board.Image.Index);
        board.Publish(CatalogImage.Empty with { Index = 4 });
        Assert.Equal(4, (await far).Index);
    }
}
