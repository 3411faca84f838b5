// swift-tools-version: 6.1
import PackageDescription

/// Continuous integration sets `BIGS_STRICT=1`: there a warning is an error.
let strict = Context.environment["BIGS_STRICT"] == "1"

let settings: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
    ] + (strict ? [.unsafeFlags(["-warnings-as-errors"])] : [])

func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(
    _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []
) -> Target {
    .testTarget(
        name: name + "Tests", dependencies: dependencies + ["TestSupport"], exclude: exclude,
        swiftSettings: settings)
}

let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let coreMetrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let sockets = Target.Dependency.product(name: "FlyingSocks", package: "FlyingFox")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let sqlite = Target.Dependency.product(name: "GRDBSQLite", package: "GRDB.swift")
let lifecycle = Target.Dependency.product(
    name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let arguments = Target.Dependency.product(
    name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "bigs",
    products: [.executable(name: "bigs", targets: ["bigs"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-crypto", "3.0.0"..<"5.0.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.4.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.5.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.8.0"),
    ],
    targets: [
        // From the command line down; dependencies point down only.
        .executableTarget(
            name: "bigs",
            dependencies: [
                "HTTPAPI", "HTTPServer", "Serving", "DocumentStore", "Tokenization", "BiGSModel",
                "Learning", "Kernels", "Checkpoints", "Hub", arguments, lifecycle, signals, logging,
                coreMetrics,
            ],
            swiftSettings: settings),
        module(
            "HTTPAPI",
            [
                "HTTPServer", "Serving", "DocumentStore", "Learning", "Tokenization", "BiGSModel",
                "Checkpoints", httpTypes, logging, coreMetrics, crypto,
            ]),
        module("HTTPServer", [sockets, httpTypes, logging]),
        module(
            "Serving",
            [
                "DocumentStore", "Tokenization", "BiGSModel", "Learning", "Kernels", "Checkpoints",
                crypto, logging, coreMetrics,
            ]),
        module("DocumentStore", ["Kernels", grdb, sqlite, crypto, logging]),
        module("Tokenization"),
        module("Learning", ["Kernels", "Checkpoints"]),
        module("BiGSModel", ["Kernels", "Checkpoints"]),
        module("Kernels", ["CFFTW", "COneDNN", "CKernels"]),
        .target(name: "CKernels", cSettings: [.unsafeFlags(["-O3"])]),
        .systemLibrary(
            name: "CFFTW", pkgConfig: "fftw3f", providers: [.apt(["libfftw3-dev"])]),
        .systemLibrary(name: "COneDNN", providers: [.apt(["libdnnl-dev"])]),
        module("Hub", ["Checkpoints", crypto]),
        module("Checkpoints"),

        .target(
            name: "TestSupport",
            dependencies: ["Checkpoints", "HTTPServer", httpTypes, logging, crypto],
            path: "Tests/TestSupport", exclude: ["Fixtures"], swiftSettings: settings),
        tests("Checkpoints", ["Checkpoints"]),
        tests("Hub", ["Hub", "Checkpoints"]),
        tests("Kernels", ["Kernels", "Checkpoints"]),
        tests("BiGSModel", ["BiGSModel", "Kernels", "Checkpoints"]),
        tests("Tokenization", ["Tokenization"]),
        tests("Learning", ["Learning", "Checkpoints"], exclude: ["make_fixtures.py"]),
        tests("DocumentStore", ["DocumentStore", grdb, logging]),
        tests(
            "Serving",
            ["Serving", "DocumentStore", "Tokenization", "BiGSModel", "Learning", logging]),
        tests(
            "HTTPServer", ["HTTPServer", httpTypes, logging],
            exclude: ["README.md", "Differential"]),
        tests(
            "HTTPAPI",
            [
                "HTTPAPI", "HTTPServer", "Serving", "DocumentStore", "Learning", "BiGSModel",
                httpTypes, logging, coreMetrics, grdb,
            ]),
        tests("EndToEnd", ["bigs", "Checkpoints", grdb]),
    ]
)
