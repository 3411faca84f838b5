import Foundation
import TestSupport
import Testing

@testable import Learning

@Suite struct HeadFittingTests {
    /// Probabilities of two solvers of the same convex problem, each stopped near its minimum.
    static let probabilityTolerance: Float = 2e-3

    @Test(arguments: ReferenceData.names, HeadKind.allCases)
    func agreesWithScikitLearn(name: String, kind: HeadKind) throws {
        let data = try ReferenceData(name)
        let set = try data.set(kind)
        var trainer = HeadTrainer()
        trainer.maximumIterations = 500
        trainer.gradientTolerance = 1e-6
        let head = trainer.fit(set, inverseRegularization: data.facts.c)
        let expected = try data.floats("\(kind.rawValue).probabilities")
        let classes = data.facts.classes
        for row in 0..<set.count {
            let got = head.probabilities(head.scores(Array(set.vector(row))))
            for label in 0..<classes {
                let want = expected[row * classes + label]
                #expect(
                    abs(got[label] - want) <= Self.probabilityTolerance,
                    "row \(row), label \(label): \(got[label]), scikit-learn \(want)")
            }
        }
    }

    @Test(arguments: ReferenceData.names)
    func weightsAgreeWithScikitLearn(name: String) throws {
        let data = try ReferenceData(name)
        let set = try data.set(.sigmoid)
        var trainer = HeadTrainer()
        trainer.maximumIterations = 500
        trainer.gradientTolerance = 1e-6
        let head = trainer.fit(set, inverseRegularization: data.facts.c)
        for (tensor, got) in [("sigmoid.weight", head.weights), ("sigmoid.bias", head.bias)] {
            let want = try data.floats(tensor)
            let scale = want.map(abs).max() ?? 0
            for index in want.indices {
                #expect(abs(got[index] - want[index]) <= 0.01 * scale, "\(tensor)[\(index)]")
            }
        }
    }

    @Test(arguments: ReferenceData.names)
    func metricsAgreeWithScikitLearn(name: String) throws {
        let data = try ReferenceData(name)
        let facts = data.facts
        for kind in HeadKind.allCases {
            let set = try data.set(kind)
            let probabilities = try data.floats("\(kind.rawValue).probabilities")
            let scores = (0..<set.count).map { row in
                (0..<facts.classes).map { label -> Float in
                    let p = probabilities[row * facts.classes + label]
                    return kind == .softmax ? log(p) : log(p / (1 - p))
                }
            }
            let metrics = HeadMetrics(
                kind: kind, scores: scores, targets: set.targets, labels: facts.classes)
            let (accuracy, f1) =
                kind == .softmax
                ? (facts.accuracy, facts.macroF1) : (facts.subsetAccuracy, facts.flagMacroF1)
            #expect(abs(metrics.accuracy - accuracy) < 1e-9)
            #expect(abs(metrics.macroF1 - f1) < 1e-9)
            if kind == .softmax { #expect(abs(metrics.logLoss - facts.logLoss) < 1e-5) }
        }
    }

    @Test(arguments: HeadKind.allCases)
    func gradientIsTheDerivative(kind: HeadKind) throws {
        let data = try ReferenceData("three")
        let set = try data.set(kind)
        let vectors = Standardization(set.vectors, dimensions: set.dimensions).apply(set.vectors)
        let objective = LogisticObjective(
            kind: kind, vectors: vectors, dimensions: set.dimensions, targets: set.targets,
            labels: set.labels.count, inverseRegularization: 0.3)
        var generator = SeededGenerator(seed: 11)
        let point = generator.floats(objective.parameterCount).map(Double.init)
        let (_, gradient) = objective.evaluate(point)
        // Central differences of a value computed from float32 products.
        let step = 1e-2
        for index in point.indices {
            var (up, down) = (point, point)
            up[index] += step
            down[index] -= step
            let slope = (objective.evaluate(up).value - objective.evaluate(down).value) / (2 * step)
            #expect(abs(slope - gradient[index]) < 1e-4, "parameter \(index)")
        }
    }

    @Test func blocksOfRowsAddUp() throws {
        // More rows than one product takes: the objective of a set repeated is that of the set.
        let data = try ReferenceData("strong")
        let set = try data.set(.softmax)
        let vectors = Standardization(set.vectors, dimensions: set.dimensions).apply(set.vectors)
        let copies = 2_048 / set.count + 2
        func objective(_ copies: Int) -> LogisticObjective {
            LogisticObjective(
                kind: .softmax, vectors: Array(repeatElement(vectors, count: copies).joined()),
                dimensions: set.dimensions,
                targets: Array(repeatElement(set.targets, count: copies).joined()),
                labels: set.labels.count, inverseRegularization: 1 / Double(copies))
        }
        let one = objective(1)
        var generator = SeededGenerator(seed: 3)
        let point = generator.floats(one.parameterCount).map(Double.init)
        let single = one.evaluate(point)
        let many = objective(copies).evaluate(point)
        #expect(abs(single.value - many.value) < 1e-6)
        for index in point.indices {
            #expect(abs(single.gradient[index] - many.gradient[index]) < 1e-5)
        }
    }

    @Test func separableDataIsLearntWhole() throws {
        let set = try separableSet(rows: 60, dimensions: 16, classes: 4, seed: 5)
        var trainer = HeadTrainer()
        trainer.candidates = [0.1, 1]
        let result = trainer.train(set)
        #expect(result.metrics.accuracy == 1)
        #expect(result.metrics.macroF1 == 1)
        #expect(!result.head.weights.contains { !$0.isFinite })
    }

    @Test func labelsWithoutRelationAreNotLearnt() throws {
        var generator = SeededGenerator(seed: 8)
        let rows = 100
        var trainer = HeadTrainer()
        trainer.candidates = [0.001, 1]
        let set = try TrainingSet(
            kind: .softmax, labels: ["a", "b"], dimensions: 20,
            vectors: generator.floats(rows * 20),
            targets: (0..<rows).map { [$0 % 2] })
        let result = trainer.train(set)
        #expect(result.metrics.accuracy < 0.7)
        #expect(result.inverseRegularization == 0.001)
    }

    @Test func scaleAndShiftOfADimensionChangeNothing() throws {
        let data = try ReferenceData("three")
        let set = try data.set(.softmax)
        let moved = try TrainingSet(
            kind: .softmax, labels: set.labels, dimensions: set.dimensions,
            vectors: set.vectors.enumerated().map { index, value in
                index % set.dimensions == 1 ? value * 40 - 7 : value
            }, targets: set.targets)
        let (a, b) = (HeadTrainer(), HeadTrainer())
        let first = a.fit(set, inverseRegularization: 1)
        let second = b.fit(moved, inverseRegularization: 1)
        for row in 0..<set.count {
            let p = first.probabilities(first.scores(Array(set.vector(row))))
            let q = second.probabilities(second.scores(Array(moved.vector(row))))
            for (p, q) in zip(p, q) { #expect(abs(p - q) < 1e-3) }
        }
    }

    @Test func constantDimensionsDoNoHarm() throws {
        let set = try separableSet(rows: 40, dimensions: 3, classes: 2, seed: 2)
        let vectors = (0..<set.count).flatMap { row -> [Float] in Array(set.vector(row)) + [0.1, 0]
        }
        let wider = try TrainingSet(
            kind: .softmax, labels: set.labels, dimensions: 5, vectors: vectors,
            targets: set.targets)
        let head = HeadTrainer().fit(wider, inverseRegularization: 1)
        #expect(!head.weights.contains { !$0.isFinite })
        #expect(abs(head.weights[3]) < 1e-6 && abs(head.weights[4]) < 1e-6)
    }

    @Test(arguments: HeadKind.allCases)
    func trainingIsDeterministic(kind: HeadKind) throws {
        let set = try ReferenceData("three").set(kind)
        var trainer = HeadTrainer()
        trainer.candidates = [0.1, 10]
        trainer.folds = 3
        let first = trainer.train(set)
        let second = trainer.train(set)
        #expect(first.head == second.head)
        #expect(first.metrics == second.metrics)
    }

    @Test func heldOutRowsAreNotSeen() throws {
        var trainer = HeadTrainer()
        trainer.candidates = [1]
        // One row a set of labels and random vectors: memorising would look perfect in the fold itself.
        var generator = SeededGenerator(seed: 4)
        let set = try TrainingSet(
            kind: .softmax, labels: (0..<10).map(String.init), dimensions: 64,
            vectors: generator.floats(20 * 64), targets: (0..<20).map { [$0 % 10] })
        let result = trainer.train(set)
        #expect(result.metrics.accuracy < 0.5)
        let inSample = (0..<20).count { row in
            let scores = result.head.scores(Array(set.vector(row)))
            return scores.firstIndex(of: scores.max() ?? 0) == row % 10
        }
        #expect(inSample > 10)
    }

    @Test(arguments: [2, 3, 5, 7])
    func foldsPartTheRowsEvenly(count: Int) throws {
        let targets = (0..<103).map { [$0 % 7 == 0 ? 1 : 0] } + [[2], [2]]
        let folds = StratifiedFolds(targets, count: count).folds
        #expect(folds.joined().sorted() == Array(targets.indices))
        let sizes = folds.map(\.count)
        #expect((sizes.max() ?? 0) - (sizes.min() ?? 0) <= 1)
        for label in 0..<3 {
            let shares = folds.map { fold in fold.count { targets[$0] == [label] } }
            #expect((shares.max() ?? 0) - (shares.min() ?? 0) <= 1)
        }
    }

    @Test func setsThatCannotBeLearntAreRefused() throws {
        func message(_ kind: HeadKind, _ labels: [String], _ targets: [[Int]]) -> String {
            do throws(LearningError) {
                _ = try TrainingSet(
                    kind: kind, labels: labels, dimensions: 1,
                    vectors: targets.map { _ in Float(1) }, targets: targets)
                return "accepted"
            } catch {
                return "\(error)"
            }
        }
        #expect(message(.softmax, ["a"], [[0], [0]]).contains("only \"a\""))
        #expect(message(.softmax, ["a", "b"], [[0], [0], [1]]).contains("\"b\" (1)"))
        #expect(message(.sigmoid, ["a"], [[0], [0]]).contains("every document"))
        #expect(message(.sigmoid, [], [[], []]).contains("no label"))
        #expect(message(.softmax, ["a", "a"], [[0], [1]]).contains("twice"))
        #expect(message(.softmax, ["a", "b"], [[0], [0], [1], [1]]) == "accepted")
    }
}
