// Reading a job from a file, for the verbs that take one. Any thread.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/model/job_dialect.h"
#include "core/runtime/clock.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill::cli {

struct JobFile {
  Json job;         // an object
  YamlNotes notes;  // what may be read otherwise than it was meant
};

// JSON or YAML; "-" is standard input. Every error names the file; a broken one names line and column too.
Result<JobFile> read_job_file(const std::string& path);

// The directory that relative paths in such a job are resolved against.
Result<std::string> working_directory();

// The values of `--set NAME=VALUE`, as texts; of a name that is given twice the last one. invalid: says which is wrong.
Result<Json> set_params(const std::vector<std::string>& settings);

// How the parameters and dates of a job file get their values.
struct JobMoment {
  Json given = Json::object();       // set_params
  Json earlier = Json::object();     // what was given to the execution that is gone on from
  WallMs now = 0;                    // what relative dates count from; 0: this moment
  std::string lineage;               // the first execution of the lineage; "": not known yet
  ConnectionTypes connections = {};  // that the job may name
};

// The job as an execution has it: checked, with all defaults; relative paths start at the working directory, `assets`
// are those given. Warnings are left to the caller.
Result<ValidatedJob> resolve_job_file(const std::string& path, const AssetCatalog& assets, const JobMoment& moment);

// The same, with its warnings printed.
Result<ValidatedJob> read_resolved_job(const std::string& path, const AssetCatalog& assets, const JobMoment& moment);

}  // namespace slicemill::cli
