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
        // Past a limit on the size of files a write is to fail, which is told, instead of the process.
        signal(SIGXFSZ, SIG_IGN)
        let given = Array(CommandLine.arguments.dropFirst())
        let added = ServeEnvironment.flags(given, ProcessInfo.processInfo.environment)
        do {
            var command = try parseAsRoot(given.prefix(1) + added + given.dropFirst())
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            for flag in ServeEnvironment.settings(in: message(for: error), among: added) {
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
