import ArgumentParser

/// `bigs bench`: how fast this machine does what the server does.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measures forward passes, the default, and searches.",
        subcommands: [BenchForwardCommand.self, BenchSearchCommand.self],
        defaultSubcommand: BenchForwardCommand.self)
}
