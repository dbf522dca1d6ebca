using Picodata.Storage;
using Xunit;

namespace Picodata.Unit.Storage;

/// <summary>
/// The tree against a sorted list, while views come and go: every view keeps showing exactly what was there when it was opened, and
/// when all is gone, all memory is back.
/// </summary>
public sealed unsafe class RowTreeTests
{
    public static TheoryData<string, int> Shapes()
    {
        var data = new TheoryData<string, int>();
        foreach (string shape in new[] { "integer", "string", "pair", "repeated", "nullable" })
        {
            for (int seed = 1; seed <= 4; seed++)
            {
                data.Add(shape, seed);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void The_tree_and_its_views_agree_with_a_model(string shape, int seed)
    {
        using var arena = new RowArena();
        var world = new World(arena, KeyOf(shape), new Random(seed), shape);
        int steps = 6000;
        for (int step = 0; step < steps; step++)
        {
            // grows, then shrinks
            world.Step(growing: step < steps / 2);
        }

        world.Finish();
        Assert.Equal(0, arena.UsedBytes);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(5000)]
    [InlineData(100_000)]
    public void A_built_tree_equals_one_that_grew(int count)
    {
        using var arena = new RowArena();
        KeyDef key = KeyOf("repeated");
        var versions = new PrivateVersions(arena);
        var random = new Random(count);
        var grown = new RowTree(key, arena, versions);
        var rows = new nint[count];
        for (int i = 0; i < count; i++)
        {
            rows[i] = arena.AllocateRow(TestEngine.Tuple(i, random.Next(count / 3 + 1), null));
            Assert.Equal(0, grown.Insert(rows[i]));
        }

        random.Shuffle(rows);
        var built = new RowTree(key, arena, versions);
        Assert.Equal((0, 0), built.Build((nint[])rows.Clone(), count));
        CheckNodes(built);
        CheckNodes(grown);
        Assert.Equal(grown.CopyRows(grown.Root), built.CopyRows(built.Root));
        Assert.Equal(count, built.Count);
    }

    [Fact]
    public void A_build_finds_two_rows_with_one_key()
    {
        using var arena = new RowArena();
        var tree = new RowTree(KeyOf("string"), arena, new PrivateVersions(arena));
        nint[] rows = [.. Enumerable.Range(0, 3000).Select(i => arena.AllocateRow(TestEngine.Tuple(i, null, $"a long common prefix {i % 2999}")))];
        Assert.NotEqual(0, tree.Build(rows, rows.Length).First);
        Assert.Equal(0, tree.Root);
    }

    [Fact]
    public void Appended_rows_fill_whole_leaves()
    {
        using var arena = new RowArena();
        var tree = new RowTree(KeyOf("integer"), arena, new PrivateVersions(arena));
        nint tail = 0;
        for (int i = 0; i < 63 * 100; i++)
        {
            Assert.Equal(0, tree.Append(arena.AllocateRow(TestEngine.Tuple(i, null, null)), ref tail));
        }

        CheckNodes(tree);
        Assert.InRange(tree.NodeCount, 100, 105);
        nint again = arena.AllocateRow(TestEngine.Tuple(17, null, null));
        Assert.NotEqual(0, tree.Append(again, ref tail));
        Assert.Equal(6300, tree.CopyRows(tree.Root).Length);
    }

    /// <summary>Every bound of every kind, against a filter over all rows.</summary>
    [Theory]
    [InlineData("integer")]
    [InlineData("pair")]
    [InlineData("nullable")]
    public void Ranges_give_what_a_filter_gives(string shape)
    {
        using var arena = new RowArena();
        KeyDef key = KeyOf(shape);
        var random = new Random(7);
        var tree = new RowTree(key, arena, new PrivateVersions(arena));
        for (int i = 0; i < 700; i++)
        {
            nint row = arena.AllocateRow(World.Draw(random, shape, 60));
            if (tree.Insert(row) != 0)
            {
                arena.FreeRow(row);
            }
        }

        nint[] all = tree.CopyRows(tree.Root);
        for (int i = 0; i < 400; i++)
        {
            KeyRange range = DrawRange(random, key, shape);
            bool descending = random.Next(2) == 0;
            List<string> expected = [.. all.Where(row => IsInside(key, range, row)).Select(Text)];
            if (descending)
            {
                expected.Reverse();
            }

            var found = new List<string>();
            using var cursor = new MergedCursor(key, tree.Root, in range, descending);
            while (cursor.MoveNext())
            {
                found.Add(string.Join(",", TestEngine.Fields(cursor.Current)));
            }

            Assert.Equal(expected, found);
        }
    }

    private static string Text(nint row) => string.Join(",", TestEngine.Fields(RowArena.Span(row)));

    private static bool IsInside(KeyDef key, KeyRange range, nint row)
    {
        int low = Order(key, range.From, row), high = Order(key, range.To, row);
        return (range.From.IsEmpty || low < 0 || (low == 0 && range.FromInclusive)) && (range.To.IsEmpty || high > 0 || (high == 0 && range.ToInclusive));
    }

    private static int Order(KeyDef key, ReadOnlyMemory<byte> bound, nint row)
    {
        fixed (byte* bytes = bound.Span)
        {
            if (bytes == null)
            {
                return 0;
            }

            byte* first = bytes;
            int count = (int)RawTuple.ArrayHead(ref first);
            Probe probe = key.ProbeKey(first, count);
            return key.Compare(in probe, key.HintOf(RowArena.Data(row)), row);
        }
    }

    private static KeyRange DrawRange(Random random, KeyDef key, string shape)
    {
        ReadOnlyMemory<byte> Bound()
        {
            int parts = random.Next(key.Own + 1);
            object?[] values = shape switch
            {
                "pair" => [random.Next(8), $"k{random.Next(60)}"],
                "nullable" => [random.Next(4) == 0 ? null : random.Next(30)],
                _ => [random.Next(70)],
            };
            return parts == 0 ? default : TestEngine.Tuple(values[..parts]);
        }

        return new KeyRange(Bound(), random.Next(2) == 0, Bound(), random.Next(2) == 0);
    }

    internal static KeyDef KeyOf(string shape)
    {
        string[] primary = shape switch { "string" => ["2 string"], "pair" => ["1 integer desc", "2 string"], _ => ["0 integer"] };
        IndexDef first = DefinitionReader.ReadIndex(TestEngine.IndexRow(600, 0, true, primary));
        SpaceDef space = DefinitionReader.ReadSpace(TestEngine.SpaceRow(600, "t", "id integer", "a integer?", "s string?"));
        return shape switch
        {
            "repeated" => KeyDef.Create(space, DefinitionReader.ReadIndex(TestEngine.IndexRow(600, 1, false, "1 integer")), first),
            "nullable" => KeyDef.Create(space, DefinitionReader.ReadIndex(TestEngine.IndexRow(600, 1, true, "1 integer ?")), first),
            _ => KeyDef.Create(space, first, first),
        };
    }

    private static void CheckNodes(RowTree tree)
    {
        long nodes = 0, rows = 0;
        if (tree.Root != 0)
        {
            Check((RowTree.Node*)tree.Root, tree.Key, ref nodes, ref rows);
        }

        Assert.Equal(tree.NodeCount, nodes);
        Assert.Equal(tree.Count, rows);
    }

    private static void Check(RowTree.Node* node, KeyDef key, ref long nodes, ref long rows)
    {
        nodes++;
        Assert.InRange((int)node->Count, 1, node->Level == 0 ? RowTree.LeafCapacity : RowTree.InnerCapacity);
        for (int i = 0; i < node->Count; i++)
        {
            Assert.Equal(key.HintOf(RowArena.Data(node->Row(i))), node->Hints[i]);
            if (i > 0)
            {
                Assert.True(key.CompareRows(RowArena.Data(node->Row(i - 1)), RowArena.Data(node->Row(i)), key.Count) < 0);
            }

            if (node->Level > 0)
            {
                RowTree.Node* child = node->Child(i);
                Assert.Equal(node->Level - 1, child->Level);
                Assert.Equal(node->Row(i), child->Row(0));
                Check(child, key, ref nodes, ref rows);
            }
        }

        rows += node->Level == 0 ? node->Count : 0;
    }

    private sealed class World(RowArena arena, KeyDef key, Random random, string shape)
    {
        private readonly Epochs epochs = new(arena);
        private readonly List<(ReadView View, nint Root, string[] Rows)> views = [];
        private readonly SortedSet<nint> model = new(Comparer<nint>.Create((a, b) => key.CompareRows(RowArena.Data(a), RowArena.Data(b), key.Count)));
        private RowTree? tree;

        private RowTree Tree => tree ??= new RowTree(key, arena, epochs);

        public static byte[] Draw(Random random, string shape, int range) => shape switch
        {
            "integer" => TestEngine.Tuple(random.Next(range), random.Next(1000), null),
            "string" => TestEngine.Tuple(1, 2, new string('x', random.Next(3) * 8) + random.Next(range)),
            "pair" => TestEngine.Tuple(1, random.Next(8), $"k{random.Next(range)}"),
            _ => TestEngine.Tuple(random.Next(range), random.Next(5) == 0 ? null : random.Next(range), null),
        };

        public void Step(bool growing)
        {
            int what = random.Next(100);
            nint row = arena.AllocateRow(Draw(random, shape, 3000));
            if (what < (growing ? 60 : 25))
            {
                Insert(row);
            }
            else if (what < 70)
            {
                Replace(row);
            }
            else
            {
                Remove(row);
            }

            int viewing = random.Next(60);
            if (viewing == 0 && views.Count < 6)
            {
                var view = new ReadView(null!);
                epochs.Open(view);
                views.Add((view, Tree.Root, [.. model.Select(Text)]));
            }
            else if (viewing == 1 && views.Count > 0)
            {
                CloseOne(random.Next(views.Count));
            }

            if (random.Next(500) == 0)
            {
                CheckNodes(Tree);
                Assert.Equal(model, Tree.CopyRows(Tree.Root));
            }
        }

        public void Finish()
        {
            while (views.Count > 0)
            {
                CloseOne(random.Next(views.Count));
            }

            foreach (nint row in model.ToArray())
            {
                Assert.Equal(row, Tree.Remove(RowArena.Data(row)));
                model.Remove(row);
                epochs.RetireRow(row);
            }

            Assert.Equal(0, Tree.Root);
            Assert.Equal(0, Tree.NodeCount);
        }

        private void Insert(nint row)
        {
            RowArena.SetBirth(row, epochs.WriteEpoch);
            nint existing = Tree.Insert(row);
            Assert.Equal(model.TryGetValue(row, out nint known) ? known : 0, existing);
            if (existing == 0)
            {
                model.Add(row);
            }
            else
            {
                arena.FreeRow(row);
            }
        }

        private void Replace(nint row)
        {
            RowArena.SetBirth(row, epochs.WriteEpoch);
            nint old = Tree.Replace(row);
            Assert.Equal(model.TryGetValue(row, out nint known) ? known : 0, old);
            if (old == 0)
            {
                arena.FreeRow(row);
                return;
            }

            model.Remove(old);
            model.Add(row);
            epochs.RetireRow(old);
        }

        private void Remove(nint probe)
        {
            nint victim = model.Count > 0 && random.Next(2) == 0 ? model.ElementAt(random.Next(Math.Min(model.Count, 200))) : probe;
            nint known = model.TryGetValue(victim, out nint found) ? found : 0;
            Assert.Equal(known, Tree.FindRow(RowArena.Data(victim)));
            Assert.Equal(known, Tree.Remove(RowArena.Data(victim)));
            if (known != 0)
            {
                model.Remove(known);
                epochs.RetireRow(known);
            }

            arena.FreeRow(probe);
        }

        private void CloseOne(int index)
        {
            (ReadView view, nint root, string[] rows) = views[index];
            Assert.Equal(rows, RowsOf(root));
            views.RemoveAt(index);
            epochs.Close(view);
            epochs.FreeAll(view.Garbage);
            foreach ((_, nint other, string[] expected) in views)
            {
                Assert.Equal(expected, RowsOf(other));
            }
        }

        private string[] RowsOf(nint root)
        {
            var rows = new List<string>();
            TreeCursor cursor = default;
            for (cursor.SeekLast(root, key, default, orEqual: true); cursor.Current != 0; cursor.Previous())
            {
                rows.Add(Text(cursor.Current));
            }

            rows.Reverse();
            return [.. rows];
        }
    }
}
