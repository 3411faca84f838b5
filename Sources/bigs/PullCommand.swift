import ArgumentParser
import BiGSModel
import Checkpoints
import Foundation
import Hub

/// `bigs pull`: the one command that talks to a network, to a hub that has models.
struct PullCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull",
        abstract: "Fetches a model from a Hugging Face-compatible hub; prints its directory.",
        discussion: """
            Fetches the configuration, the weights (safetensors, else PyTorch's, else Flax's) and what \
            belongs to the tokenizer and to sentence-transformers. Every file is checked against the \
            digest that the hub gives; stopped, the same command goes on where it was. Then --model \
            OWNER/NAME finds the model. HF_TOKEN is the token that private and gated models want, and \
            proxies are taken from https_proxy and its like.
            """)

    @Argument(help: ArgumentHelp("The model's name on the hub.", valueName: "owner/name"))
    var repository: String

    @Option(help: "A branch, a tag or a commit.")
    var revision = "main"

    @Option(
        help: ArgumentHelp(
            "Where the files go. Default: OWNER/NAME in $XDG_DATA_HOME/bigs/models or "
                + "~/.local/share/bigs/models.",
            valueName: "directory"))
    var output: String?

    @Option(
        help: ArgumentHelp(
            "The hub's address. Default: HF_ENDPOINT, else \(HubClient.huggingFace).",
            valueName: "url"))
    var endpoint: String?

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        if ["1", "true", "yes", "on"].contains(environment["HF_HUB_OFFLINE"]?.lowercased()) {
            throw CommandError(description: "HF_HUB_OFFLINE is set: nothing is fetched")
        }
        let wanted: HubRepository
        let client: HubClient
        let line = ProgressLine()
        do {
            wanted = try HubRepository(repository, revision: revision)
            client = try HubClient(
                endpoint: endpoint ?? Self.given("HF_ENDPOINT", environment)
                    ?? HubClient.huggingFace,
                token: Self.given("HF_TOKEN", environment),
                pausing: { line.end("\($0); trying again in \($1.components.seconds) s") })
        } catch {
            throw ValidationError("\(error)")
        }
        let directory =
            output.map { URL(filePath: $0, directoryHint: .isDirectory) }
            ?? wanted.directory(environment)
        let outcome: ModelDownload.Outcome
        do {
            outcome = try await ModelDownload(client: client, directory: directory)
                .run(
                    wanted, check: { try Self.check($0, of: wanted) },
                    progress: { line.show($0) })
        } catch {
            line.end()
            throw error
        }
        let size = outcome.files.reduce(0) { $0 + $1.size }
        line.end(
            "\(wanted.name) at \(outcome.commit.prefix(12)): \(outcome.files.count) files, "
                + "\(ProgressLine.bytes(size)), \(outcome.kept) of them already there")
        for file in outcome.foreign {
            StandardError.write(
                "\(directory.appending(path: file).path) is not of this revision, and is read with it"
            )
        }
        try StandardOutput.print(directory.path)
    }

    /// Refuses another architecture's model. What else may be wrong with a configuration can be mended
    /// once the files are there.
    private static func check(_ configuration: Data, of repository: HubRepository) throws {
        for case .otherModel(let type) in BiGSConfiguration.problems(in: configuration) {
            throw CommandError(
                description:
                    "\(repository.name): \(ConfigurationError.otherModel(type: type)): not fetched")
        }
    }

    /// A variable that is set to something.
    private static func given(_ name: String, _ environment: [String: String]) -> String? {
        let value = environment[name]?.trimmingCharacters(in: .whitespacesAndNewlines)
        return value?.isEmpty == false ? value : nil
    }
}
