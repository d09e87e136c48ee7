// Compiled into every project that rests on RlWn.Init: libtorch is loaded before the project's first line that could need it.
namespace RlWn;

internal static class LoadTorch
{
    [global::System.Runtime.CompilerServices.ModuleInitializer]
    internal static void Initialize() => global::RlWn.Init.TorchLibrary.Load();
}
