#include "connectors/connection_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "connectors/connection_types.h"
#include "tests/docs/rendered_page.h"

namespace slicemill {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class ConnectionConfig : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(directory_); }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  Result<ConfiguredConnections> read(const std::string& connections) const {
    std::ofstream(file()) << connections;
    std::filesystem::permissions(file(), std::filesystem::perms::owner_read);
    return read_connections(*parse_json(connections), file());
  }
  std::string error_of(const std::string& connections) const {
    const auto got = read(connections);
    return got ? "" : got.error().message;
  }
  // What a process would be given.
  static Connection given(const ConfiguredConnections& configured, const std::string& name) {
    const auto resolved = configured.book.resolve({name});
    EXPECT_TRUE(resolved) << resolved.error().message;
    const auto handed = Connections::from_text(resolved->to_text());
    EXPECT_TRUE(handed);
    return **handed->of({{kConnectionOption, name}}, "postgres");
  }
  std::string file() const { return (directory_ / "slicemill.yaml").string(); }

  const std::filesystem::path directory_ =
      std::filesystem::path(testing::TempDir()) / ("connections-" + std::to_string(::getpid()));
};

TEST_F(ConnectionConfig, SettingsAreTypedAndHaveDefaults) {
  const auto got = read(R"({"a":{"type":"postgres","host":"h","port":5433,"user":"u","connect_timeout":"3 s"}})");
  ASSERT_TRUE(got) << got.error().message;
  const Connection connection = given(*got, "a");
  EXPECT_EQ(connection.setting("port"), "5433");
  EXPECT_EQ(connection.setting("connect_timeout"), "3000");
  EXPECT_EQ(connection.setting("application_name"), "slicemill");
  EXPECT_EQ(got->book.all().at("a").target, "postgresql://u@h:5433/");
}

TEST_F(ConnectionConfig, ThePasswordOfAUrlIsASecret) {
  for (const std::string url : {"postgresql://u:p%40ss%25@h,h2:1/d?sslmode=require",
                                "postgresql://u@h,h2:1/d?password=p%40ss%25&sslmode=require"}) {
    const auto got = read(R"({"a":{"type":"postgres","url":")" + url + R"("}})");
    ASSERT_TRUE(got) << got.error().message;
    const Connection connection = given(*got, "a");
    EXPECT_EQ(connection.setting("password"), "p@ss%");
    EXPECT_EQ(connection.setting("url"), "postgresql://u@h,h2:1/d?sslmode=require");
    EXPECT_EQ(got->book.all().at("a").target, "postgresql://u@h,h2:1/d?sslmode=require");
    EXPECT_EQ(connection.masked("no \"p@ss%\" here"), "no \"***\" here");
  }
  EXPECT_THAT(error_of(R"({"a":{"type":"postgres","url":"postgresql://u:100%@h/d"}})"), HasSubstr("write %25"));
  EXPECT_THAT(error_of(R"({"a":{"type":"postgres","url":"postgresql://u:x@h/d","password":"y"}})"),
              HasSubstr("the password is given beside it"));
}

TEST_F(ConnectionConfig, SecretsComeFromFilesVariablesAndCommands) {
  std::ofstream(directory_ / "secret") << "of a file\r\n";
  setenv("CONNECTION_CONFIG_TEST", "of a variable", 1);
  const auto got = read(R"({"f":{"type":"postgres","host":"h","password_file":"secret"},
                            "v":{"type":"postgres","host":"h","password_env":"CONNECTION_CONFIG_TEST"},
                            "w":{"type":"postgres","host":"h","password_env":"CONNECTION_CONFIG_TEST"},
                            "c":{"type":"postgres","host":"h","password_command":"echo warning >&2; echo of a command"}})");
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(given(*got, "f").setting("password"), "of a file");
  EXPECT_EQ(given(*got, "v").setting("password"), "of a variable");
  EXPECT_EQ(given(*got, "w").setting("password"), "of a variable");
  EXPECT_EQ(given(*got, "c").setting("password"), "of a command");
  EXPECT_EQ(std::getenv("CONNECTION_CONFIG_TEST"), nullptr) << "no child may have it";
  std::ofstream(directory_ / "secret") << "a newer one\n";
  EXPECT_EQ(given(*got, "f").setting("password"), "a newer one") << "read for each process anew";
}

TEST_F(ConnectionConfig, SecretsThatCannotBeHadAreErrorsWithoutThem) {
  for (const auto& [command, words] : std::vector<std::pair<std::string, std::string>>{
           {"echo hidden; exit 7", "exit code 7"}, {"true", "it is empty"}, {"head -c 200000 /dev/zero", "too long"}}) {
    const auto got = read(R"({"a":{"type":"postgres","host":"h","password_command":")" + command + R"("}})");
    ASSERT_TRUE(got);
    const auto resolved = got->book.resolve({"a"});
    ASSERT_FALSE(resolved) << command;
    EXPECT_THAT(resolved.error().message, HasSubstr("connection a: password_command: "));
    EXPECT_THAT(resolved.error().message, HasSubstr(words));
    EXPECT_THAT(resolved.error().message, Not(HasSubstr("hidden")));
  }
}

TEST_F(ConnectionConfig, MistakesNameTheirPlace) {
  const std::string place = file() + ": connections.a.";
  EXPECT_EQ(error_of(R"({"a":{"type":"postgres","host":"h","usr":"x"}})"),
            place + "usr: unknown setting; did you mean 'user'?");
  EXPECT_EQ(error_of(R"({"a":{"type":"mysql"}})"), place + "type: 'mysql' is not one of postgres");
  EXPECT_THAT(error_of(R"({"a":{"type":"postgres","host":"h","port":"x"}})"), HasSubstr(place + "port: "));
  EXPECT_EQ(error_of(R"({"a":{"type":"postgres","url":"postgresql://h/d","port":5}})"),
            place + "port: the url says that already");
  EXPECT_EQ(error_of(R"({"a":{"type":"postgres","host":"h","password":"x","password_env":"HOME"}})"),
            place + "password_env: the password is given twice, in different ways");
  EXPECT_EQ(error_of(R"({"a b":{"type":"postgres","host":"h"}})"),
            file() + ": connections.a b: a name consists of letters, digits and _ - .");
  EXPECT_THAT(error_of(R"(["a"])"), HasSubstr("expected a name and settings"));
}

TEST_F(ConnectionConfig, AFileThatOthersMayReadIsWarnedOf) {
  const std::string text = R"({"a":{"type":"postgres","host":"h","password":"x"}})";
  ASSERT_TRUE(read(text)->warnings.empty());
  std::filesystem::permissions(file(), std::filesystem::perms::others_read, std::filesystem::perm_options::add);
  EXPECT_THAT(read_connections(*parse_json(text), file())->warnings, ElementsAre(HasSubstr("other users may read it")));
}

TEST(ConnectionNames, OfAJobAreThoseOfItsOperations) {
  JobSpec job;
  OperationSpec reader{.name = "a", .bundle = "", .options = {{kConnectionOption, "x"}}};
  job.plan = Plan({reader, {.name = "b"}, reader});
  EXPECT_THAT(connection_names(job), ElementsAre("x"));
}

TEST(ConnectionTypes, ThePageHasTheirSettings) {
  expect_page_part("connections.md", "types", render_connection_types());
}

}  // namespace
}  // namespace slicemill
