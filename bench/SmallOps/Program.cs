// What one small operation costs from C#, beside the same operation from Python's PyTorch on the same machine at the same
// time: rounds alternate between the two, and each reports its median.
//   dotnet run -c Release --project bench/SmallOps [python]      (about a minute)
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using TorchSharp;

const int Count = 200_000;
const int Rounds = 9;

torch.set_num_threads(1);
using var noGradients = torch.no_grad();
using var a = torch.ones(4);
using var b = torch.ones(4);
using var row = torch.ones(2, 2);
using var one = torch.ones(1);
var operations = new Dictionary<string, Action>
{
    ["add"] = () => { for (var i = 0; i < Count; i++) a.add(b).Dispose(); },
    ["add_scalar"] = () => { for (var i = 0; i < Count; i++) (a + 1.0).Dispose(); },
    ["exp"] = () => { for (var i = 0; i < Count; i++) a.exp().Dispose(); },
    ["view"] = () => { for (var i = 0; i < Count; i++) row.view(4).Dispose(); },
    ["matmul"] = () => { for (var i = 0; i < Count; i++) row.matmul(row).Dispose(); },
    ["item"] = () => { for (var i = 0; i < Count; i++) one.item<float>(); },
};

var script = Path.Combine(Root(), "bench", "peers", "small_ops.py");
using var python = Process.Start(
    new ProcessStartInfo(args.Length > 0 ? args[0] : "/usr/bin/python3", script)
    {
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
    })!;

Console.WriteLine("operation    C# ns  Python ns  C#/Python");
foreach (var (name, run) in operations)
{
    var ours = new List<double>();
    var theirs = new List<double>();
    for (var round = 0; round < Rounds; round++)
    {
        var watch = Stopwatch.StartNew();
        run();
        ours.Add(watch.Elapsed.TotalNanoseconds / Count);
        python.StandardInput.WriteLine(name);
        python.StandardInput.Flush();
        theirs.Add(double.Parse(python.StandardOutput.ReadLine()!, CultureInfo.InvariantCulture));
    }
    var (mine, peer) = (Median(ours), Median(theirs));
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-10}{mine,8:F0}{peer,11:F0}{mine / peer,11:F2}"));
}
python.StandardInput.Close();
python.WaitForExit();

static double Median(IEnumerable<double> values) => values.Order().ElementAt(Rounds / 2);

static string Root()
{
    var at = new DirectoryInfo(AppContext.BaseDirectory);
    while (at is not null && !File.Exists(Path.Combine(at.FullName, "paket.lock")))
        at = at.Parent;
    return at?.FullName ?? throw new DirectoryNotFoundException("Run this from a checkout: bench/peers is not above it.");
}
