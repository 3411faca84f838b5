import Checkpoints

/// Why a model could not be fetched. Names and messages of the hub are shown in printable form.
package enum HubError: Error, Sendable, Equatable {
    // What was asked for
    case repositoryInvalid(String)
    case revisionInvalid(String)
    case endpointInvalid(String)

    // What the hub says
    case unreachable(host: String, reason: String)
    case unauthorized(repository: String, hasToken: Bool, message: String)
    case notFound(repository: String, message: String)
    case refused(url: String, status: Int, message: String)
    case redirectRefused(from: String, to: String)
    case answerInvalid(url: String, expected: String)
    case answerTooLong(url: String, limit: Int)

    // What the repository holds
    case fileNameRefused(String)
    case configurationMissing(repository: String)
    case weightsMissing(repository: String, expected: [String])
    case shardMissing(index: String, shard: String)

    // What arrived
    case sizeDiffers(file: String, expected: Int, got: Int)
    case digestDiffers(file: String, expected: String, got: String)

    // Where it goes
    case busy(directory: String)
    case shadowed(directory: String, file: String, by: String)
    case spaceMissing(directory: String, needed: Int, available: Int)
    case notWritten(path: String, reason: String)
}

extension HubError: CustomStringConvertible {
    package var description: String { text.printable }

    private var text: String {
        switch self {
        case .repositoryInvalid(let name):
            "\"\(name)\" is not a repository's name: expected OWNER/NAME, of letters, digits, "
                + "'-', '_' and '.'"
        case .revisionInvalid(let name):
            "\"\(name)\" is not a revision: expected a branch, a tag or a commit"
        case .endpointInvalid(let text):
            "\"\(text)\" is not a hub's address: expected http:// or https:// and a host"
        case .unreachable(let host, let reason):
            "\(host): \(reason)"
        case .unauthorized(let repository, let hasToken, let message):
            hasToken
                ? "\(repository): the token in use may not read it\(Self.colon(message))"
                : "\(repository): there is no such repository, or it wants a token (HF_TOKEN)"
                    + Self.colon(message)
        case .notFound(let repository, let message):
            "\(repository): not found\(Self.colon(message))"
        case .refused(let url, let status, let message):
            "\(url): answered \(status)\(Self.colon(message))"
        case .redirectRefused(let from, let to):
            "\(from): sends on to \(to), which is not https as it is"
        case .answerInvalid(let url, let expected):
            "\(url): the answer is not a hub's: expected \(expected)"
        case .answerTooLong(let url, let limit):
            "\(url): the answer is longer than \(limit) bytes"
        case .fileNameRefused(let name):
            "the repository has a file called \"\(name)\", which is not a plain name"
        case .configurationMissing(let repository):
            "\(repository): has no config.json"
        case .weightsMissing(let repository, let expected):
            "\(repository): has none of \(expected.joined(separator: ", "))"
        case .shardMissing(let index, let shard):
            "\(index): names \(shard), which the repository does not have"
        case .sizeDiffers(let file, let expected, let got):
            "\(file): \(got) bytes arrived, expected \(expected)"
        case .digestDiffers(let file, let expected, let got):
            "\(file): arrived damaged: its digest is \(got), expected \(expected)"
        case .busy(let directory):
            "\(directory): another process is fetching into it"
        case .shadowed(let directory, let file, let other):
            "\(directory): has \(other), which would be read instead of the repository's \(file); "
                + "remove it, or fetch into another directory"
        case .spaceMissing(let directory, let needed, let available):
            "\(directory): \(needed) bytes are needed, \(available) are free"
        case .notWritten(let path, let reason):
            "\(path): \(reason)"
        }
    }

    private static func colon(_ message: String) -> String {
        message.isEmpty ? "" : ": \(message)"
    }
}
