# Prints one line of JSON: the version of AwsVssComponents, "" when it cannot be told, null when there are none.
# Changes nothing. The file installstate is the SSM agent's (amazon-ssm-agent, localpackages.go); its folder is named
# after the package, or after the package's ARN.
$agent = Join-Path $env:ProgramFiles 'Amazon\AwsVssComponents\ec2-vss-agent.exe'
$states = Join-Path $env:ProgramData 'Amazon\SSM\Packages\*AwsVssComponents*\installstate'
$version = $null
if (Test-Path -LiteralPath $agent) {
    $version = ''
    foreach ($state in Get-ChildItem -Path $states -ErrorAction SilentlyContinue) {
        $version = [string](Get-Content -LiteralPath $state.FullName -Raw | ConvertFrom-Json).version
    }
}
ConvertTo-Json -Compress @{ version = $version }
