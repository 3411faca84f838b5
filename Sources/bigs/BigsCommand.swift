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

    /// Reads the command line, with `serve`'s settings from the environment put before it, and does what
    /// it says.
    static func main() async {
        let given = Array(CommandLine.arguments.dropFirst())
        let arguments = ServeEnvironment.arguments(given, ProcessInfo.processInfo.environment)
        do {
            var command = try parseAsRoot(arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            let fromEnvironment = ServeEnvironment.settings(
                in: message(for: error), among: arguments.dropLast(given.count - 1))
            for flag in fromEnvironment {
                StandardError.write("\(ServeEnvironment.name(of: flag)) sets \(flag).")
            }
            exit(withError: error)
        }
    }
}

/// The version of this program.
enum Version {
    static let current = "0.1.0"
}
