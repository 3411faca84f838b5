import Foundation

/// Settings of `serve` that come from the environment: `--max-body-bytes` is also
/// `BIGS_MAX_BODY_BYTES`. A flag on the command line wins.
enum ServeEnvironment {
    static let prefix = "BIGS_"

    /// The flags that can be given several times.
    static let repeatable: Set<String> = ["--model", "--api-key", "--cors-origin"]

    /// The values in a variable: one a line, or separated by commas; spaces around them are none
    /// of theirs.
    private static func values(in text: String) -> [String] {
        text.split { $0 == "," || $0.isNewline }
            .map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
    }

    /// A flag for every setting of `arguments`' command that only the environment names.
    static func flags(_ arguments: [String], _ environment: [String: String]) -> [String] {
        guard arguments.first == "serve", !arguments.contains("--help"), !arguments.contains("-h")
        else { return [] }
        var added: [String] = []
        for flag in ServeCommand.settings {
            let isGiven = arguments.contains { $0 == flag || $0.hasPrefix(flag + "=") }
            guard !isGiven, let value = environment[name(of: flag)] else { continue }
            // Empty is as good as unset, but for keys: without any, the server would be open.
            if value.isEmpty, !flag.hasPrefix("--api-key") { continue }
            var values = repeatable.contains(flag) ? values(in: value) : [value]
            // A key that came out empty must not open the server: it is refused as the flag's would be.
            if values.isEmpty, flag == "--api-key" { values = [""] }
            // Nothing after an equals sign is taken as no value at all.
            added += values.flatMap { $0.isEmpty ? [flag, $0] : ["\(flag)=\($0)"] }
        }
        return added
    }

    /// The flags that a message names, of those that the environment added.
    static func settings(in message: String, among added: [String]) -> [String] {
        let words = Set(message.split { !($0.isLetter || $0 == "-") }.map(String.init))
        return ServeCommand.settings.filter { flag in
            words.contains(flag) && added.contains { $0 == flag || $0.hasPrefix(flag + "=") }
        }
    }

    /// `--max-body-bytes` to `BIGS_MAX_BODY_BYTES`.
    static func name(of flag: String) -> String {
        prefix + flag.drop { $0 == "-" }.uppercased().replacing("-", with: "_")
    }
}
