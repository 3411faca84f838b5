import ArgumentParser
import Foundation

/// The `bigs` command: each task is a subcommand.
@main
struct BigsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bigs",
        abstract: "Encodes long documents with BiGS models: embeddings and classes, on CPUs.",
        version: Version.current,
        subcommands: [
            ServeCommand.self, EmbedCommand.self, ClassifyCommand.self, TokenizeCommand.self,
            ForwardCommand.self, InspectCommand.self, SearchCommand.self, StoreCommand.self,
            HeadCommand.self, PullCommand.self, BenchCommand.self,
        ])

    /// Reads the command line, with `serve`'s settings from the environment put before it.
    static func main() async {
        let arguments = ServeEnvironment.arguments(
            Array(CommandLine.arguments.dropFirst()), ProcessInfo.processInfo.environment)
        await main(arguments)
    }
}

/// The version of this program.
enum Version {
    static let current = "0.1.0"
}
