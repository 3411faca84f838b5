package import DocumentStore
import Foundation
package import Tokenization

/// What, apart from text and model, decides a document's encoding. It is kept with the encoding as one
/// line of text: documents of equal lines need not be encoded again, and another model can do for a
/// document what this one did.
package struct DocumentOptions: Sendable, Hashable {
    /// How the text is cut into passages; empty is not at all.
    package var granularities: [Granularity] = []
    /// Nil keeps no token states.
    package var states: TokenStates.Format?
    /// Which end of a long text stays.
    package var truncationSide = TruncationSide.right
    /// How a text over the window was read whole; nil: it was cut.
    package var windows: TextWindows?
    /// The prompt before the text; nil is the model's default.
    package var promptName: String?
    /// Tells texts apart that a model gives to one name; nil where no name is given (the default prompt is
    /// part of the model's fingerprint), or the name has no text.
    private(set) var promptDigest: String?

    init(_ document: NewDocument, states: TokenStates.Format?, prompts: Prompts) {
        granularities = document.granularities
        truncationSide = document.rules.truncationSide
        windows = document.rules.windows
        promptName = document.rules.promptName
        promptDigest = promptName.flatMap { prompts.byName[$0] }.map(Self.digest)
        self.states = states
    }

    /// The line. Whether truncation was allowed is not in it: it decides about the encoding's being,
    /// not its numbers.
    var text: String {
        var parts = granularities.map { "chunk=\($0.description)" }
        if let states { parts.append("states=\(states.rawValue)") }
        if truncationSide != .right { parts.append("side=\(truncationSide.rawValue)") }
        if let windows {
            parts.append("windows=\(windows.overlap.map(String.init) ?? Self.standardOverlap)")
        }
        if let promptName { parts.append("prompt=\(Self.escaped(promptName))") }
        if let promptDigest { parts.append("prompt-text=\(promptDigest)") }
        return parts.joined(separator: " ")
    }

    /// Reads a line; what another version may have written beside is left out.
    package init(_ text: String) {
        for part in text.split(separator: " ") {
            let pair = part.split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2 else { continue }
            switch pair[0] {
            case "chunk":
                if let granularity = Granularity(description: String(pair[1])) {
                    granularities.append(granularity)
                }
            case "states": states = TokenStates.Format(rawValue: String(pair[1]))
            case "side": truncationSide = TruncationSide(rawValue: String(pair[1])) ?? .right
            case "windows": windows = TextWindows(overlap: Int(pair[1]))
            case "prompt": promptName = String(pair[1]).removingPercentEncoding
            case "prompt-text": promptDigest = String(pair[1])
            default: break
            }
        }
    }

    /// Stands for an overlap that the document does not say. Named after the rule for it: where that
    /// changes, so do lines.
    private static let standardOverlap = "32nd"

    /// The beginning of a prompt's SHA-256, in hexadecimal digits.
    static func digest(_ prompt: String) -> String {
        String(TextHash.hexadecimal(prompt).prefix(16))
    }

    /// A name without the characters that part the line.
    private static func escaped(_ name: String) -> String {
        name.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? name
    }
}
