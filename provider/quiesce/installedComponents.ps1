# Prints one line of JSON: the version of AwsVssComponents, "" when it cannot be told, null when there are none.
# Changes nothing.
$agent = Join-Path $env:ProgramFiles 'Amazon\AwsVssComponents\ec2-vss-agent.exe'
$state = Join-Path $env:ProgramData 'Amazon\SSM\Packages\AwsVssComponents\installstate'
$version = $null
if (Test-Path -LiteralPath $agent) {
    $version = ''
    if (Test-Path -LiteralPath $state) {
        $version = [string](Get-Content -LiteralPath $state -Raw | ConvertFrom-Json).Version
    }
}
ConvertTo-Json -Compress @{ version = $version }
