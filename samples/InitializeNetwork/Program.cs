using RlWn.Init;
using RlWn.Networks;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

using var generator = new Generator(1);
var layers = new LayerFactory(Scheme.Parse("orthogonal-proposed"), new Initializer(generator));

var network = Sequential(
    ("conv", layers.Convolution(3, 16, kernel: 3, Place.Hidden, padding: 1)), ("relu", ReLU()), ("pool", AdaptiveAvgPool2d(4)), ("flat", Flatten()),
    ("linear", layers.Linear(16 * 4 * 4, 64, Place.Hidden)), ("relu2", ReLU()), ("output", layers.Output(OutputLayer.PyTorchDefault, 64, 10)));

Console.WriteLine(NetworkSummary.Of(network, 1, 3, 32, 32));
Initialization.Apply(network, Scheme.Parse("orthogonal-data-dependent"), generator, batch: randn(64, 3, 32, 32));   // another start for the same network
