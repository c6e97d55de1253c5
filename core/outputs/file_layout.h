// Names of staged and published files: shared by the exporter (worker), the publisher (controller) and verify.
//
//   directory output:  <path>/<slicer>-<order, 10 digits>-<slice_id>-<request hash, 8 hex>.<extension>
//   by fields, routes: <path>/<place>/<the same name> for each place (core/outputs/subdirectory.h), which may be <path>
//                      itself; staged as <staged attempt>.<number of the place>
//   single file:       <path> itself; its parts are published in <dirname>/.slicemill/<staging name>/parts/
//   staged attempt:    <root>/.slicemill/<staging name>/<generation>-<slicer>-<order>-<split path>.<epoch>-<n>
//                      root = <path>, or its directory for a single file and for a replacement
//   replacement:       <dirname>/.slicemill/<staging name>/new/<published name>, until it takes the place of <path>
//                      (if_exists: replace)
//   settled columns:   <root>/.slicemill/<staging name>/columns (core/outputs/settled_columns.h)
// A staged name spells the slice's key, so that a sweep can ask the ledger about it; a published one carries the
// slice's id, which no other execution can have. Everything under the path that does not begin with a dot is published
// output.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "core/formats/record_writer.h"
#include "core/model/output_facts.h"
#include "core/model/plan.h"
#include "core/model/slice.h"
#include "core/runtime/files.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill {

struct FileLayout {
  std::string root;          // directory that holds .slicemill
  std::string staging_name;  // below .slicemill: no other sink of any lineage has it
  std::string final_path;    // of a single file, and of a directory that is replaced
  std::string extension;     // "ldjson", "csv.gz", ...
  std::string subdirectory;  // by fields or routes of the records (core/outputs/subdirectory.h); "": none
  bool single_file = false;
  bool replaces = false;  // what is at final_path already

  // A directory that takes the place of another one when it is complete.
  bool replaces_directory() const { return replaces && !single_file; }
  std::string staging_directory() const;
  std::string publish_directory() const;  // root, the parts directory, or the replacement
  std::string columns_path() const;       // of csv and tsv
  std::string joined_path() const;        // the joined file before it has its name
  std::string staged_path(const SliceKey& key, const Attempt& attempt) const;
  // Of the file that is facts.parts[number].
  std::string staged_path(const SliceKey& key, const Attempt& attempt, std::size_t number) const;
  std::string final_name(std::string_view slice_id, const SliceKey& key, const OutputFacts& facts) const;
};

struct StagedName {
  SliceKey key;
  Attempt attempt;
  bool operator==(const StagedName&) const = default;
};
// Nothing if the name is not one of a staged attempt.
std::optional<StagedName> parse_staged_name(std::string_view name);

struct PublishedName {
  std::uint32_t slicer = 0;
  std::uint64_t order = 0;
  std::string_view slice_id;
};
std::optional<PublishedName> parse_published_name(std::string_view name);

// The lineage's first execution; in a plan that is a graph with the node's id, since its sinks may share a directory.
std::string staging_name(const Plan& plan, std::size_t node, std::string_view lineage_id);

// From the resolved options of file_exporter.
Result<FileLayout> file_layout(const Json& options, std::string_view staging_name);

// How file_exporter writes records, and the options that its schema checks together. The error starts with the option's
// name.
struct FileWriting {
  RecordWriterOptions writer;
  Compression compression = Compression::none;  // by default that of the file names' ending
};
Result<FileWriting> file_writing(const Json& options);

std::uint32_t request_hash(std::string_view request);

// Creates the directory and its parents; their names are durable afterwards.
Result<void> create_durable_directories(Files& files, const std::string& path);

}  // namespace slicemill
