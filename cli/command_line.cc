#include "cli/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>

#include "cli/client_grammar.h"
#include "cli/help_pages.h"
#include "core/runtime/config.h"
#include "core/runtime/text.h"

namespace slicemill::cli {
namespace {

constexpr const char* kDataIfNoMaster =
    "Look into this data directory, as is done if no master is named. Environment: SLICEMILL_DATA";
const std::vector<std::string> kProgressForms = {"auto", "bar", "lines", "none"};
static_assert(static_cast<int>(ProgressForm::automatic) == 0 && static_cast<int>(ProgressForm::none) == 3);
const std::vector<std::string> kSummaryForms = {"text", "json"};
static_assert(static_cast<int>(SummaryForm::text) == 0 && static_cast<int>(SummaryForm::json) == 1);
constexpr int kMostWorkers = 1024;

struct Subcommand {
  CLI::App* app = nullptr;
  Command command = Command::help;
};

class Parser {
 public:
  explicit Parser(CommandLine& line);
  Result<void> parse(const std::vector<std::string>& arguments);
  std::vector<CommandDescription> describe() const;

 private:
  CLI::App& add(Command command, const std::string& name, const std::string& description);
  void add_settings(CLI::App& app, bool run_only);
  void add_setting(CLI::App& app, const SettingSpec& spec);
  void add_client_commands();
  void add_assets(CLI::App& app);
  Result<void> refuse_extras(const CLI::App& app) const;
  Error explain(const CLI::ParseError& error, const CLI::App& app) const;
  const Subcommand* chosen() const;

  CommandLine& line_;
  CLI::App app_{
      "slicemill processes data in slices. No slice is lost, and the output of every slice is published once.",
      "slicemill"};
  std::vector<Subcommand> subcommands_;
};

Parser::Parser(CommandLine& line) : line_(line) {
  app_.set_help_flag("-h,--help", "Print this help and exit");
  app_.allow_extras();
  // The commands share it.
  app_.get_formatter()->column_width(kHelpColumn);
  app_.get_formatter()->label("Positionals", "Arguments");
  app_.get_formatter()->label("SUBCOMMAND", "COMMAND");

  CLI::App& master = add(Command::master, "master", "Start the server: REST API, executions, workers");
  master.add_option("--config", line.config_file, "YAML file with settings")->type_name("FILE");
  add_settings(master, false);
  master.footer(
      "Precedence: flag, environment variable, configuration file, default. Stop with SIGTERM or SIGHUP (drains); a "
      "second SIGINT quits at once.");

  CLI::App& run = add(Command::run, "run", "Run one job in this process, without a server");
  run.add_option("JOB", line.job_file, "Job file, JSON or YAML; relative paths in it start at the working directory")
      ->type_name("");
  add_assets(run);
  add_set(run, line);
  run.add_option("--workers", line.workers, "Workers, instead of what the job says")
      ->type_name("N")
      ->check(number_from(1, kMostWorkers));
  run.add_option("--resume", line.resume_ex_id,
                 "Go on with this execution of the data directory: its id, the beginning of it, or last")
      ->type_name("EX");
  run.add_option(
         "--job", line.mended_job,
         "With --resume: the mended job to go on with, instead of the execution's own; it becomes a new execution")
      ->type_name("JOB");
  run.add_option(
         "--chaos", line.chaos,
         "Run it with processes of its own, kill some of them at random, then judge the output: exit code 0 or 1, or 6 "
         "if nothing was killed. "
         "For example seed=7,kill=worker+controller,kills=8")
      ->type_name("PLAN");
  run.add_option("--out", line.out,
                 "With --chaos: the directory, new or empty, that its output goes to; by default a new one beside the "
                 "job's own output")
      ->type_name("DIR");
  run.add_flag("--fail-on-quarantine", line.fail_on_quarantine, "Exit with 5 if records were quarantined");
  run.add_option("--progress", line.telling.progress,
                 "What is told while it runs, on standard error: a bar, or lines; auto is a bar on a terminal")
      ->type_name("FORM")
      ->transform(position_in(kProgressForms));
  run.add_flag("-q,--quiet", line.telling.is_quiet, "No progress, and of the summary its first line only");
  run.add_option("--summary", line.telling.summary,
                 "The summary at the end, on standard output; on standard error if an operation writes records there")
      ->type_name("FORMAT")
      ->transform(position_in(kSummaryForms));
  run.add_option("--summary-file", line.telling.summary_file, "Write the summary as JSON into this file, too")
      ->type_name("FILE");
  run.add_option("--config", line.config_file, "YAML file with settings")->type_name("FILE");
  add_settings(run, true);

  add_client_grammar(line,
                     [this](Command command, const std::string& name, const std::string& description) -> CLI::App& {
                       return add(command, name, description);
                     });
  add_client_commands();
  add_help_grammar(line, [this](Command command, const std::string& name, const std::string& description) -> CLI::App& {
    return add(command, name, description);
  });
  app_.add_flag_callback(
      "--version", [] {}, "Print the version and exit");
  app_.footer("`slicemill help COMMAND` tells more of a command. The shortest way to begin: slicemill run JOB");
  app_.require_subcommand(0, 1);  // behind a command its own words stand, which may be names of commands
}

void Parser::add_client_commands() {
  CLI::App& verify =
      add(Command::verify, "verify", "Prove that published output equals the ledger of an ended execution");
  add_execution(verify, line_);
  add_master(verify, line_);
  add_data(verify, line_, kDataIfNoMaster);
  verify
      .add_option("--config", line_.config_file,
                  "YAML file with the connections of the job; by default that of SLICEMILL_CONFIG")
      ->type_name("FILE");

  CLI::App& quarantine = add(Command::quarantine, "quarantine",
                             "Print an execution's quarantined records, one JSON object a line, or run them again");
  add_execution(quarantine, line_);
  quarantine.add_flag("--redrive", line_.redrive,
                      "Run the records again in a new execution: by the master under the job's present configuration, "
                      "without a master in this process");
  quarantine.add_flag(
      "--edit", line_.edit,
      "Open the records in an editor (VISUAL, EDITOR, or vi), then run those again that are left there, as "
      "they were mended");
  quarantine
      .add_option(
          "--with", line_.mended_records,
          "Run these records again: a file of them as they are listed or edited, with mended bytes; - is standard "
          "input")
      ->type_name("FILE");
  quarantine
      .add_option("--job", line_.job_file,
                  "Without a master: the mended job to redrive with, instead of the execution's own")
      ->type_name("JOB");
  add_assets(quarantine);
  add_set(quarantine, line_);
  add_master(quarantine, line_);
  add_data(quarantine, line_, kDataIfNoMaster);

  CLI::App& validate = add(Command::validate, "validate", "Check a job file: say what is wrong, or what it would run");
  validate.add_option("JOB", line_.job_file, "Job file, JSON or YAML")->type_name("");
  validate.add_option("--config", line_.config_file, "YAML file with the connections that the job names")
      ->type_name("FILE");
  add_assets(validate);
  add_set(validate, line_);

  CLI::App& ops = add(Command::ops, "ops", "List the operations, or describe one");
  ops.add_option("NAME", line_.operation, "Operation to describe")->type_name("");
  ops.add_flag("--json", line_.json, "As JSON Schema");

  add(Command::schema, "schema", "Print the JSON Schema of a job with every operation, for editors");

  CLI::App& init =
      add(Command::init, "init", "Print a commented job for files: format, columns and types as they show");
  init.add_option("FILE", line_.input_files,
                  "File, directory or pattern to read; several files that a pattern stands for");

  add(Command::version, "version", "Print the version");

  CLI::App& controller = add(Command::execution_controller, "execution-controller", "");
  controller.add_option("--launch", line_.launch_file, "Launch file written by the master")
      ->type_name("FILE")
      ->required();
  controller.group("");  // the master starts it; users do not
}

void Parser::add_assets(CLI::App& app) {
  app.add_option("--assets", line_.assets, "Bundles that the job's `assets` may name; must come after JOB")
      ->type_name("DIR|ZIP");
}

CLI::App& Parser::add(Command command, const std::string& name, const std::string& description) {
  CLI::App* app = app_.add_subcommand(name, description);
  app->set_help_flag("-h,--help", "Print this help and exit");
  app->allow_extras();
  app->group("Commands");
  subcommands_.push_back({app, command});
  return *app;
}

void Parser::add_settings(CLI::App& app, bool run_only) {
  for (const SettingSpec& spec : setting_specs()) {
    if (spec.for_run || !run_only) add_setting(app, spec);
  }
}

void Parser::add_setting(CLI::App& app, const SettingSpec& spec) {
  const std::string text =
      fmt::format("{} Default: {}. Environment: {}", spec.description, spec.default_text, spec.variable());
  app.add_option_function<std::string>(
         spec.flag(), [this, name = spec.name](const std::string& value) { line_.flags[name] = value; }, text)
      ->type_name(spec.type_text());
}

const Subcommand* Parser::chosen() const {
  for (const Subcommand& subcommand : subcommands_) {
    if (subcommand.app->parsed()) return &subcommand;
  }
  return nullptr;
}

Error Parser::explain(const CLI::ParseError& error, const CLI::App& app) const {
  const std::string where = &app == &app_ ? std::string() : app.get_name() + ": ";
  std::string text = error.what();
  // The library counts: "--data: 1 required DIR missing".
  constexpr std::string_view kCounted = ": 1 required ", kMissing = " missing";
  const auto counted = text.find(kCounted);
  if (counted != std::string::npos && text.ends_with(kMissing)) {
    const std::size_t begin = counted + kCounted.size();
    const std::string value = text.substr(begin, text.size() - kMissing.size() - begin);
    text = fmt::format("{} needs a value: {}", text.substr(0, counted), value);
  }
  return Error(ErrorCode::invalid, where + text);
}

Result<void> Parser::refuse_extras(const CLI::App& app) const {
  const std::vector<std::string> extras = app.remaining();
  if (extras.empty()) return {};
  const auto option = std::ranges::find_if(extras, [](const std::string& word) { return word.starts_with('-'); });
  const std::string culprit = option != extras.end() ? option->substr(0, option->find('=')) : extras.front();
  const bool is_option = culprit.starts_with('-');

  std::vector<std::string> known;
  if (is_option) {
    for (const CLI::Option* candidate : app.get_options()) {
      for (const std::string& name : candidate->get_lnames()) known.push_back("--" + name);
    }
  } else if (&app == &app_) {
    for (const CLI::App* subcommand : app.get_subcommands([](const CLI::App*) { return true; })) {
      if (!subcommand->get_group().empty()) known.push_back(subcommand->get_name());
    }
  }
  const bool is_command = !is_option && &app == &app_;
  const auto near = nearest_word(culprit, known);
  const std::string where = &app == &app_ ? std::string() : app.get_name() + ": ";
  const std::string_view what = is_option ? "unknown option" : is_command ? "unknown command" : "unexpected argument";
  const std::string help = &app == &app_ ? "slicemill --help" : "slicemill " + app.get_name() + " --help";
  return Error(ErrorCode::invalid, fmt::format("{}{} '{}'; {}", where, what, culprit,
                                               near ? fmt::format("did you mean '{}'?", *near) : "see `" + help + "`"));
}

Result<void> Parser::parse(const std::vector<std::string>& arguments) {
  // The library wants its arguments last first.
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app_.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    const Subcommand* subcommand = chosen();
    if (subcommand == nullptr) RETURN_IF_ERROR(refuse_extras(app_));
    line_.command = Command::help;
    // The library counts the words that may follow.
    constexpr std::string_view kCount = "(0x)";
    line_.help_text = subcommand != nullptr ? subcommand->app->help(app_.get_name()) : app_.help();
    for (auto at = line_.help_text.find(kCount); at != std::string::npos; at = line_.help_text.find(kCount))
      line_.help_text.replace(at, kCount.size(), "...");
    return {};
  } catch (const CLI::ParseError& error) {
    const Subcommand* subcommand = chosen();
    const CLI::App& app = subcommand != nullptr ? *subcommand->app : app_;
    RETURN_IF_ERROR(refuse_extras(app));  // a mistyped option is the likelier cause of a missing argument
    return explain(error, app);
  }
  const Subcommand* subcommand = chosen();
  RETURN_IF_ERROR(refuse_extras(app_));
  if (subcommand == nullptr) {
    return Error(ErrorCode::invalid, "no command given; see `slicemill --help`");
  }
  RETURN_IF_ERROR(refuse_extras(*subcommand->app));
  line_.command = subcommand->command;
  return {};
}

OptionDescription described(const CLI::Option& option) {
  OptionDescription out;
  if (option.get_positional()) {
    out.names.push_back(option.get_name(true));
  } else {
    for (const std::string& name : option.get_lnames()) out.names.push_back("--" + name);
    for (const std::string& name : option.get_snames()) out.names.push_back("-" + name);
  }
  // "FORMAT:{table,wide}": the name of the value, and what it may be.
  const std::string type = option.get_items_expected_max() == 0 ? std::string() : option.get_type_name();
  out.value = type.substr(0, type.find(':'));
  const auto begin = type.find(":{");
  if (begin != std::string::npos && type.ends_with('}'))
    out.choices = split(std::string_view(type).substr(begin + 2, type.size() - begin - 3), ',');
  out.text = option.get_description();
  return out;
}

std::vector<CommandDescription> Parser::describe() const {
  std::vector<CommandDescription> commands;
  for (const Subcommand& subcommand : subcommands_) {
    const CLI::App& app = *subcommand.app;
    if (app.get_group().empty()) continue;
    CommandDescription out{app.get_name(), app.get_description(), {}, {}, app.get_footer()};
    for (const CLI::Option* option : app.get_options()) {
      if (option->get_group().empty()) continue;  // hidden
      (option->get_positional() ? out.positionals : out.options).push_back(described(*option));
    }
    commands.push_back(std::move(out));
  }
  return commands;
}

Result<void> check_arguments(const CommandLine& line) {
  const auto missing = [](std::string_view command, std::string_view argument) {
    return Error(ErrorCode::invalid,
                 fmt::format("{}: {} is missing; see `slicemill {} --help`", command, argument, command));
  };
  switch (line.command) {
    case Command::run:
      if (!line.mended_job.empty() && line.resume_ex_id.empty())
        return Error(ErrorCode::invalid, "run: --job goes with --resume; a new execution has its JOB");
      if (line.job_file.empty() && line.resume_ex_id.empty()) return missing("run", "JOB");
      if (!line.job_file.empty() && !line.resume_ex_id.empty()) {
        return Error(ErrorCode::invalid,
                     "run: give a JOB or --resume, not both; a resumed execution keeps its job, or goes on with --job");
      }
      if (!line.assets.empty() && !line.resume_ex_id.empty() && line.mended_job.empty())
        return Error(ErrorCode::invalid, "run: --assets goes with a JOB; a resumed execution keeps its bundles");
      if (!line.set.empty() && !line.resume_ex_id.empty() && line.mended_job.empty())
        return Error(ErrorCode::invalid, "run: --set goes with a JOB; a resumed execution keeps its values");
      if (!line.out.empty() && line.chaos.empty())
        return Error(ErrorCode::invalid, "run: --out goes with --chaos; a job says itself where its output goes");
      if (!line.assets.empty() && !line.chaos.empty())
        return Error(ErrorCode::invalid, "run: --chaos takes no --assets; its processes have no bundles");
      if (!line.chaos.empty() && line.job_file.empty()) {
        return Error(ErrorCode::invalid, "run: --chaos begins anew; it needs a JOB and cannot --resume");
      }
      return {};
    case Command::recover:
      if (!line.mended_job.empty() && line.client.config == "own")
        return Error(ErrorCode::invalid,
                     "recover: --job goes on with the mended job, and --config own with the old one");
      return check_client_arguments(line);
    case Command::validate:
      if (line.job_file.empty()) return missing("validate", "JOB");
      return {};
    case Command::init:
      if (line.input_files.empty()) return missing("init", "FILE");
      return {};
    case Command::verify:
      if (line.ex_id.empty()) return missing("verify", "EX");
      return check_client_arguments(line);
    case Command::quarantine:
      if (line.ex_id.empty()) return missing("quarantine", "EX");
      if (line.edit && !line.mended_records.empty())
        return Error(ErrorCode::invalid, "quarantine: give --edit or --with FILE, not both");
      if (!line.job_file.empty() && (!line.redrive || !line.master_url.empty())) {
        return Error(ErrorCode::invalid,
                     "quarantine: --job goes with --redrive, and without --master: a master has the job");
      }
      if (!line.assets.empty() && line.job_file.empty())
        return Error(ErrorCode::invalid, "quarantine: --assets goes with --job");
      if (!line.set.empty() && !line.redrive) return Error(ErrorCode::invalid, "quarantine: --set goes with --redrive");
      return check_client_arguments(line);
    default:
      return check_client_arguments(line);
  }
}

// `help X` is `X --help`, `--version` is `version`.
std::vector<std::string> with_other_spellings(std::vector<std::string> arguments) {
  if (arguments.empty()) return arguments;
  if (arguments.front() == "--version" || arguments.front() == "-V") {
    arguments.front() = "version";
  } else if (arguments.front() == "help" && (arguments.size() == 1 || !arguments[1].starts_with('-'))) {
    arguments.erase(arguments.begin());
    arguments.resize(std::min<std::size_t>(arguments.size(), 1));
    arguments.emplace_back("--help");
  }
  return arguments;
}

}  // namespace

Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments) {
  CommandLine line;
  Parser parser(line);
  RETURN_IF_ERROR(parser.parse(with_other_spellings(arguments)));
  line.typed_master = line.master_url;
  if (line.edit || !line.mended_records.empty()) line.redrive = true;
  RETURN_IF_ERROR(check_arguments(line));
  return line;
}

std::vector<CommandDescription> describe_commands() {
  CommandLine line;
  return Parser(line).describe();
}

}  // namespace slicemill::cli
