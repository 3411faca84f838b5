import ArgumentParser
import DocumentStore

extension TextIndexTokenizer: ExpressibleByArgument {}

/// How the words of a store's documents are told apart: an option of the commands that may make a
/// store.
struct TextIndexArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            How the store's text index tells words apart: unicode61, or porter, which also reduces \
            English words to their stems. A store with another index gets a new one when it is \
            opened. Default: what the store has, unicode61 for a new one.
            """,
            valueName: "unicode61|porter"))
    var storeTokenizer: TextIndexTokenizer?
}
