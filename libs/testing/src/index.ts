export { type AccountRequest, type AccountsRegistry, type AccountsRegistryOptions, type RegistryAccount, startAccountsRegistry } from './accounts-registry.ts';
export { AppCluster, type AppClusterOptions, CLUSTER_ADMIN_TOKEN, type ClusterFrontEnd } from './app-cluster.ts';
export { type RunningApp, startApp, WORKSPACE_ROOT } from './app-process.ts';
export { type CommandResult, runCommand } from './command.ts';
export { type RunningRegistry, startDockerRegistry } from './docker-registry.ts';
export { type NpmClient, npmClient } from './npm-client.ts';
export { freePort, type RunningServer, startServer, temporaryDirectory } from './process.ts';
export { builtRegistries, dockerRegistries } from './registries/registries-under-test.ts';
export type { RegistryConnection, RegistryOddities, RegistrySettings, RegistryUnderTest, StartedRegistry } from './registries/registry-under-test.ts';
export { StorageSwitch } from './storage-switch.ts';
export { type RunningRedis, startRedis } from './redis.ts';
export { type NpmPublishBody, npmPublishBody, packageTarball, tarHeader } from './npm-publish.ts';
export { eventually } from './eventually.ts';
export { FaultPlan, type PlannedFault, REGISTRY_FAULTS, type RegistryFault, seededRandom } from './fault-plan.ts';
export { type FaultProxy, type FaultProxyOptions, startFaultProxy } from './fault-proxy.ts';
export { type NpmUpstream, startNpmUpstream, type UpstreamVersion } from './npm-upstream.ts';
export { type EarlyHandler, type ScriptedHandler, type ScriptedRequest, type ScriptedServer, startScriptedServer } from './scripted-server.ts';
export { type Interceptor, type ScriptedRegistry, startScriptedRegistry } from './scripted-registry.ts';
export { startTokenAuthProxy, type TokenAuthOptions, type TokenAuthProxy } from './token-auth-proxy.ts';
export { type BigFile, bigWheel } from './pypi/big-wheel.ts';
export {
  type PypiUpstream,
  type PypiUpstreamFile,
  type PypiUpstreamOptions,
  type PypiUpstreamProject,
  type PypiUpstreamRequest,
  startPypiUpstream,
} from './pypi/pypi-upstream.ts';
export { type PypiUploadBody, pypiUploadBody, type PypiUploadOptions, type PypiUploadStream, pypiUploadStream, type UploadClient } from './pypi/pypi-upload.ts';
export { pyproject, type SdistOptions, sdistFile } from './pypi/sdist-file.ts';
export { coreMetadata, type MetadataOptions, noise, type PackageFile, type WheelOptions, wheelFile } from './pypi/wheel-file.ts';
export { type ZipEntry, zipFile } from './pypi/zip-file.ts';
export { type PipRun, type PipVersion, type PythonClientOptions, type PythonClients, pythonClients, type PythonRun, type PythonTool, UPLOAD_REPOSITORY } from './pypi/python-clients.ts';
export { testAuthority, type TestAuthority, type TestCertificate } from './test-authority.ts';
export { bigArchive, type BigArchiveOptions } from './terraform/big-archive.ts';
export { dirHash, type HashedFile } from './terraform/dir-hash.ts';
export { moduleArchive, type ModuleArchiveOptions } from './terraform/module-archive.ts';
export {
  archiveName,
  programName,
  providerArchive,
  providerManifest,
  type ProviderRelease,
  providerRelease,
  type ProviderReleaseOptions,
  type ReleaseArchive,
  type ReleaseFile,
  smallFile,
  type SmallReleaseFile,
} from './terraform/provider-release.ts';
export { signingKey, type TestKey, type TestKeyKind, type TestKeyOptions } from './terraform/signing-key.ts';
export { type TerraformClient, terraformClient, type TerraformClientOptions, type TerraformRun } from './terraform/terraform-client.ts';
export { type CliConfig, cliConfig, type InstallationMethod, rootModule } from './terraform/terraform-files.ts';
export type { FaultKind } from './terraform/terraform-upstream-fault.ts';
export type { TerraformUpstream, TerraformUpstreamOptions, TerraformUpstreamRequest, UpstreamModule, UpstreamModuleVersion, UpstreamProvider } from './terraform/terraform-upstream-model.ts';
export { startTerraformUpstream } from './terraform/terraform-upstream.ts';
export { type UploadForm, uploadForm } from './terraform/upload-form.ts';
export { checkModuleLayout, checkProviderLayout, type ConformanceReport } from './terraform/oci-conformance.ts';
export { httpOciSource, type ManifestHead, type OciSource, portOciSource, type PortRepository, type ReadBlob, type ReadManifest } from './terraform/oci-source.ts';
export { CONFORMANCE_RULES, type ConformanceRule, type Violation } from './terraform/oci-violation.ts';
export { pushBlob, type PushedDescriptor, pushManifest, type PushTarget } from './terraform/oci-push.ts';
