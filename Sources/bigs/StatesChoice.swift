import ArgumentParser
import DocumentStore

/// How `--keep-states` is spelled.
enum StatesChoice: String, ExpressibleByArgument, CaseIterable {
    case none, float16, int8

    /// Nil keeps none.
    var format: TokenStates.Format? { TokenStates.Format(rawValue: rawValue) }
}
