import ArgumentParser
import BiGSModel
import Checkpoints
import Foundation
import Serving

/// `bigs inspect`: is this directory a model, and which?
struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Checks a model's directory: lists every problem, or says what the model is.")

    @Argument(
        help:
            "The model's directory, or OWNER/NAME that bigs pull fetched. Default: the embedded one."
    )
    var directory: String?

    func run() throws {
        let directory = try ModelLocator.directory(named: directory)
        var problems = Checkpoint.problems(in: directory).map(\.description)
        var report: ModelReport?
        if problems.isEmpty {
            report = BiGSModel.inspect(try Checkpoint(directory: directory))
            problems = report?.problems.map(\.description) ?? []
        } else if let json = try? Checkpoint.configuration(in: directory) {
            // Weights that cannot be read hide nothing that is wrong beside them.
            problems += BiGSConfiguration.problems(in: json)
                .map { "\(ModelProblem.configuration($0))" }
        }
        let reading = ReadingReport(directory: directory, model: report?.summary)
        problems += reading.problems.map(\.description)
        if problems.isEmpty, let report {
            try StandardOutput.print("\(report)\n\(reading)")
            return
        }
        for problem in problems { try StandardOutput.print(problem) }
        throw ExitCode.failure
    }
}
